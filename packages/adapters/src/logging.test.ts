import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";

const LOGGING = new URL("./logging.ts", import.meta.url).href;

/** What a process with a logger of its own writes. */
function logged(statement: string, level = "info") {
  const script = `
    const { createLogger } = await import(${JSON.stringify(LOGGING)});
    const logger = createLogger({ role: "test", level: ${JSON.stringify(level)} });
    ${statement}`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe("a log without a terminal", () => {
  test("is JSON lines with role, level and time, complete when the process dies", () => {
    const [line, ...others] = logged('logger.info({ position: 7 }, "done"); process.exit(1);');
    expect(line).toMatchObject({ level: "info", role: "test", position: 7, msg: "done" });
    expect(line.time).toMatch(/^\d{4}-.*Z$/);
    expect(others).toEqual([]);
  });

  test("leaves out what a parser quotes, and stacks unless they are asked for", () => {
    const parse = 'try { JSON.parse("{secret") } catch (err) { logger.error({ err }, "x"); }';
    expect(logged(parse)[0].err).toEqual({ type: "SyntaxError" });
    const fail = 'logger.error({ err: new TypeError("why") }, "x");';
    expect(logged(fail)[0].err).toEqual({ type: "TypeError", message: "why" });
    expect(logged(fail, "debug")[0].err.stack).not.toHaveLength(0);
  });
});
