import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "@counterfoil/adapters/testing/free-ports";
import { expect, test } from "@jest/globals";

const ROOT = join(import.meta.dirname, "../..");

test("docs/first-steps.md can be followed to its end, and shows what it says", async () => {
  const page = readFileSync(join(ROOT, "docs/first-steps.md"), "utf8");
  const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block ?? "");
  expect(blocks.length).toBeGreaterThan(5);
  const port = String(await freePorts());
  const script = ["set -eu", ...blocks]
    .join("\n")
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)
    .replaceAll("simulate layer1-deposit", `simulate layer1-deposit --url http://127.0.0.1:${port}`)
    // This workspace is installed, and other tests run in it.
    .replace("npx -y pnpm@10 install", ":");
  const { stdout } = await promisify(execFile)("bash", ["-c", script], {
    cwd: ROOT,
    env: { ...process.env, COUNTERFOIL_HTTP_PORT: port },
    timeout: 120_000,
  });
  expect(stdout).toContain("7 webhooks acknowledged, ");
  expect(stdout).toMatch(/"stage":"credited".*"history_length":5,/);
  expect(stdout).toMatch(/"balance":"130","status":"gap_open","open_gaps":1/);
  expect(stdout).toMatch(/"kind":"gap".*"missing_amount":"5"/);
  expect(stdout).toMatch(/"balance":"130","status":"continuous","open_gaps":0/);
  expect(stdout).toContain("Nothing is wrong.");
});
