import { constants, fstatSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isatty } from "node:tty";
import { isMainThread } from "node:worker_threads";
import type { Config } from "@counterfoil/contracts/config";
import { type Logger, pino, stdTimeFunctions } from "pino";
import sonicBoom from "sonic-boom";

type LoggerOptions = Readonly<{
  /** Which part of the program speaks; stands on every line. */
  role: string;
  level: Config["COUNTERFOIL_LOG_LEVEL"];
  /** Commands keep their output for the answer and log to stderr. */
  to?: "stdout" | "stderr";
}>;

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/**
 * JSON lines, or coloured text where a person looks on. Lines carry positions and ids, never a
 * payload. Writing one never waits, throws or ends the process; what nobody takes is dropped and
 * counted. Worker threads hand their lines to the main thread (`forwardLines`), since two that
 * write to one full pipe would tear each other's lines.
 */
export function createLogger({ role, level, to = "stdout" }: LoggerOptions): Logger {
  const options = {
    level,
    base: { role },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => errorFields(error, level) },
  };
  return pino(options, isMainThread ? outputTo(DESCRIPTORS[to]) : TO_MAIN_THREAD);
}

/** Writes the lines of a worker thread, which was started with `stdout: true`. */
export function forwardLines(stdout: Readable): void {
  const output = outputTo(DESCRIPTORS.stdout);
  stdout.setEncoding("utf8").on("data", (lines: string) => output.write(lines));
}

/** How many lines this process has dropped since it started. */
export function droppedLines(): number {
  return dropped;
}

let dropped = 0;

/** Where a process's lines go; they are never waited for. */
type LogOutput = Readonly<{ write: (lines: string) => void }>;

const TO_MAIN_THREAD: LogOutput = { write: (lines) => void process.stdout.write(lines) };

const outputs = new Map<number, LogOutput>();

function outputTo(fd: number): LogOutput {
  const existing = outputs.get(fd);
  if (existing !== undefined) return existing;
  const raw = createOutput(nonBlocking(fd));
  const output = isatty(fd) ? prettyOutput(raw) : raw;
  outputs.set(fd, output);
  return output;
}

/** Lines that are not written yet; beyond that the newest are dropped. */
const PENDING_BYTES_MAX = 1_048_576;

/** A full pipe or disk is tried again this much later. */
const RETRY_MS = 250;

/** At its end a process tries so long to write what is pending. */
const EXIT_FLUSH_MS = 1_000;

function createOutput(fd: number): LogOutput {
  let unreported = 0;
  let isRetrying = false;
  let exitsAtMs = Number.NEGATIVE_INFINITY;
  const sink = new sonicBoom.SonicBoom({
    fd,
    maxLength: PENDING_BYTES_MAX,
    // Asked when the pipe is full. While the process lives, "error" follows instead.
    retryEAGAIN: () => performance.now() < exitsAtMs,
  });
  sink.on("drop", (lines: string) => {
    const count = lines.split("\n").length - 1;
    dropped += count;
    unreported += count;
  });
  // Nobody reads, or the disk is full. The timer keeps no process alive that is done.
  sink.on("error", () => {
    if (isRetrying) return;
    isRetrying = true;
    setTimeout(() => {
      isRetrying = false;
      sink.flush();
    }, RETRY_MS).unref();
  });
  sink.on("drain", () => {
    if (unreported === 0) return;
    sink.write(droppedLine(unreported));
    unreported = 0;
  });
  process.once("exit", () => {
    exitsAtMs = performance.now() + EXIT_FLUSH_MS;
    try {
      sink.flushSync();
    } catch {
      // Nobody takes what is left.
    }
  });
  return { write: (lines) => void sink.write(lines) };
}

function droppedLine(lines: number): string {
  const time = new Date().toISOString();
  const msg = "lines of this log were dropped, since nobody took them";
  return `${JSON.stringify({ level: "warn", time, role: "log", lines, msg })}\n`;
}

/**
 * A descriptor of the same target on which a write never waits. A thread that waits in a write cannot
 * be ended, and takes the process's end with it.
 */
function nonBlocking(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  try {
    // The new description is this process's own: the shell's terminal stays as it is.
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return setNonBlocking(fd);
  }
}

/** For sockets, and where the pipe is another user's. Node sets the flag when it wraps a descriptor. */
function setNonBlocking(fd: number): number {
  try {
    new Socket({ fd, readable: false, writable: true }).unref();
  } catch {
    // Neither pipe nor socket: nothing that fills up.
  }
  return fd;
}

function prettyOutput({ write }: LogOutput): LogOutput {
  // Loaded only for a person: it takes as long as all the rest of the logger.
  const { prettyFactory }: typeof import("pino-pretty") = createRequire(import.meta.url)(
    "pino-pretty",
  );
  const pretty = prettyFactory({
    colorize: true,
    ignore: "role",
    messageFormat: "{role}: {msg}",
    translateTime: "SYS:HH:MM:ss.l",
  });
  return { write: (line) => write(pretty(line)) };
}

const VERBOSE: ReadonlySet<string> = new Set(["debug", "trace"]);

/** A driver's message may repeat what was too large for it. */
const MESSAGE_LENGTH_MAX = 2_000;

/** A parser's message quotes what it parsed, which may be a delivery; all others say what is wrong. */
function errorFields(error: unknown, level: string): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  const isQuoting = error instanceof SyntaxError;
  const frames = stack?.split("\n").filter((line) => /^\s+at /.test(line));
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    ...(isQuoting ? {} : { message: message.slice(0, MESSAGE_LENGTH_MAX) }),
    ...(VERBOSE.has(level) ? { stack: frames?.map((line) => line.trim()) } : {}),
  };
}
