import { existsSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { endAllProcesses, runProgram } from "./support/counterfoil.ts";

afterAll(endAllProcesses);

const COLUMNS_MAX = 120;

test("the demo plays the documented flows, finds them as documented, and ends", async () => {
  const { code, stdout, stderr } = await runProgram("demo.ts", ["--once"], {});
  expect(stderr).toBe("");
  expect(stdout).not.toContain("✗");
  expect(code).toBe(0);
  const lines = stdout.split("\n");
  expect(lines.filter((line) => line.includes("✓"))).toHaveLength(26);
  expect(lines.filter((line) => line.length > COLUMNS_MAX)).toEqual([]);
});

test("without --once it goes on serving what it names, and takes its data along when it is interrupted", async () => {
  const served: string[] = [];
  const after = async (stdout: string) => {
    const named = stdout.slice(stdout.indexOf("Still serving")).match(/http:\S+/g) ?? [];
    for (const url of named) served.push(`${(await fetch(url)).status} ${new URL(url).pathname}`);
  };
  const given = { interrupted: { said: /\/docs .*\n/, after } };
  const { code, stdout } = await runProgram("demo.ts", [], {}, given);
  expect(served).toEqual([
    "200 /",
    "200 /withdrawals",
    expect.stringMatching(/^200 \/accounts\/zerohash%3ADEF456/),
    "200 /docs",
  ]);
  expect(stdout).not.toContain("The demo failed");
  expect(code).toBe(0);
  const [, dataDir = ""] = /data\s+(\S+),/.exec(stdout) ?? [];
  expect([dataDir.includes("counterfoil-demo"), existsSync(dataDir)]).toEqual([true, false]);
});
