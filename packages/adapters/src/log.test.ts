import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "@jest/globals";

const LOGGING = new URL("./log.ts", import.meta.url).href;

/** The arguments of a process with a logger of its own. */
const withLogger = (statement: string, level = "info") => [
  "--input-type=module",
  "-e",
  `const { createLogger, droppedLines } = await import(${JSON.stringify(LOGGING)});
   const logger = createLogger({ role: "test", level: ${JSON.stringify(level)} });
   ${statement}`,
];

/** Parses lines. @throws for an incomplete line */
const linesOf = (output: string) =>
  output
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** The output of a process with its own logger. */
function logged(statement: string, level = "info") {
  const { stdout } = spawnSync(process.execPath, withLogger(statement, level), {
    encoding: "utf8",
  });
  return linesOf(stdout);
}

describe("a log without a terminal", () => {
  test("is JSON lines with role, level and time, complete when the process dies", () => {
    const [line, ...others] = logged('logger.info({ position: 7 }, "done"); process.exit(1);');
    expect(line).toMatchObject({ level: "info", role: "test", position: 7, msg: "done" });
    expect(line.time).toMatch(/^\d{4}-.*Z$/);
    expect(others).toEqual([]);
  });

  test("omits a parser's message, and stacks unless the level is verbose", () => {
    const parse = 'try { JSON.parse("{secret") } catch (err) { logger.error({ err }, "x"); }';
    expect(logged(parse)[0].err).toEqual({ type: "SyntaxError" });
    const fail = 'logger.error({ err: new TypeError("why") }, "x");';
    expect(logged(fail)[0].err).toEqual({ type: "TypeError", message: "why" });
    expect(logged(fail, "debug")[0].err.stack).not.toHaveLength(0);
  });
});

describe("a log that nobody reads", () => {
  const running = new Set<ChildProcess>();
  afterEach(() => {
    for (const child of running) child.kill("SIGKILL");
    running.clear();
  });

  /** Writes more than the pipe and the buffer hold together; then the process waits for a message. */
  const FLOOD = `
    for (let n = 0; n < 20_000; n += 1) logger.info({ n, filler: "x".repeat(200) }, "line");
    process.on("message", (message) => {
      if (message === "end") process.disconnect();
      else logger.info({ message }, "answered");
    });
    setImmediate(() => process.send(droppedLines()));`;

  function start(statement: string, stdout: "pipe" | number = "pipe") {
    const child = spawn(process.execPath, withLogger(statement), {
      stdio: ["ignore", stdout, "inherit", "ipc"],
    });
    running.add(child);
    return { child, ended: once(child, "exit").then(([code]) => code) };
  }

  test.each([
    ["a socket", () => "pipe" as const],
    ["a pipe", openUnreadPipe],
  ])("%s: nobody is stopped, lines are dropped, and the process ends", async (_, open) => {
    const { child, ended } = start(FLOOD, open());
    const [dropped] = await once(child, "message");
    expect(dropped).toBeGreaterThan(10_000);
    child.send("end");
    expect(await ended).toBe(0);
  });

  test("continues when it is read again: whole lines, and the number of dropped ones", async () => {
    const { child } = start(FLOOD);
    const [dropped] = await once(child, "message");
    const output = text(child.stdout as NodeJS.ReadableStream);
    child.stdout?.once("data", () => child.send("more"));
    let seen = "";
    child.stdout?.on("data", (chunk) => {
      seen += chunk;
      if (seen.includes("were dropped") && child.connected) child.send("end");
    });
    const lines = linesOf(await output);
    const flood = lines.filter(({ msg }) => msg === "line");
    expect(flood.map(({ n }) => n)).toEqual(flood.map((_, at) => at));
    const told = lines.find(({ msg }) => msg.includes("were dropped"));
    expect(told).toMatchObject({ level: "warn", lines: 20_000 - flood.length });
    expect(told.lines).toBeGreaterThanOrEqual(dropped);
  });

  test.each([
    ["a full disk", () => openSync("/dev/full", "w")],
    ["a closed pipe", () => "pipe" as const],
  ])("%s: the process lives and ends as it means to", async (what, open) => {
    const { child, ended } = start(FLOOD, open());
    if (what === "a closed pipe") child.stdout?.destroy();
    await once(child, "message");
    child.send("more");
    child.send("end");
    expect(await ended).toBe(0);
  });
});

function openUnreadPipe(): number {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-log-"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const descriptor = openSync(join(folder, "pipe"), "r+");
  rmSync(folder, { recursive: true });
  return descriptor;
}

test("lines of a worker thread are written by the main thread", () => {
  const worker = `
    const { createLogger } = await import(${JSON.stringify(LOGGING)});
    createLogger({ role: "thread", level: "info" }).info("from a thread");`;
  const lines = logged(`
    const { Worker } = await import("node:worker_threads");
    const { forwardLines } = await import(${JSON.stringify(LOGGING)});
    const url = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)}));
    forwardLines(new Worker(url, { stdout: true }).stdout);`);
  expect(lines).toMatchObject([{ role: "thread", msg: "from a thread" }]);
});
