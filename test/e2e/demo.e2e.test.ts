import { afterAll, expect, jest, test } from "@jest/globals";
import { endAllProcesses, runProgram } from "./support/counterfoil.ts";

jest.setTimeout(60_000);
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
