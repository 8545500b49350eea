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
  /** The part of the program that logs; part of every line. */
  role: string;
  level: Config["COUNTERFOIL_LOG_LEVEL"];
  /** Commands print their result to stdout, and log to stderr. */
  to?: "stdout" | "stderr";
}>;

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/**
 * Logs JSON lines, or coloured text on a terminal. Lines hold positions and ids, never a payload.
 * Writing never blocks, throws or ends the process; lines that nobody reads are dropped and counted.
 * Worker threads send their lines to the main thread (`forwardLines`), because two threads writing to
 * one full pipe would mix their lines.
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

/** Writes the lines of a worker thread started with `stdout: true`. */
export function forwardLines(stdout: Readable): void {
  const output = outputTo(DESCRIPTORS.stdout);
  stdout.setEncoding("utf8").on("data", (lines: string) => output.write(lines));
}

/** The number of lines dropped since the process started. */
export function droppedLines(): number {
  return dropped;
}

let dropped = 0;

/** The output of a process's log lines; writing never waits. */
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

/** Limit of the buffered lines; above it the newest lines are dropped. */
const PENDING_BYTES_MAX = 1_048_576;

/** Pause before a write to a full pipe or disk is retried. */
const RETRY_MS = 250;

/** How long a process tries to write its buffered lines at exit. */
const EXIT_FLUSH_MS = 1_000;

function createOutput(fd: number): LogOutput {
  let unreported = 0;
  let isRetrying = false;
  let exitsAtMs = Number.NEGATIVE_INFINITY;
  const sink = new sonicBoom.SonicBoom({
    fd,
    maxLength: PENDING_BYTES_MAX,
    // Called when the pipe is full. If it returns false, "error" is emitted instead.
    retryEAGAIN: () => performance.now() < exitsAtMs,
  });
  sink.on("drop", (lines: string) => {
    const count = lines.split("\n").length - 1;
    dropped += count;
    unreported += count;
  });
  // The pipe has no reader, or the disk is full. The timer does not keep the process alive.
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
      // The remaining lines are lost.
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
 * A non-blocking descriptor of the same target. A thread blocked in a write cannot be ended, and
 * delays the end of the process.
 */
function nonBlocking(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  try {
    // A new open file description, so that the shell's terminal keeps its flags.
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return setNonBlocking(fd);
  }
}

/** For sockets, and for pipes of another user. Node sets the flag when it wraps a descriptor. */
function setNonBlocking(fd: number): number {
  try {
    new Socket({ fd, readable: false, writable: true }).unref();
  } catch {
    // Neither a pipe nor a socket, so it does not fill up.
  }
  return fd;
}

function prettyOutput({ write }: LogOutput): LogOutput {
  // Loaded only for a terminal, because loading takes as long as the rest of the logger.
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

/** A driver's message may quote a value that was too large. */
const MESSAGE_LENGTH_MAX = 2_000;

/**
 * The loggable fields of an error. A parser's message is omitted, because it quotes its input, which may
 * be a delivery.
 */
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
