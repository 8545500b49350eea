import { createRequire } from "node:module";
import { isatty } from "node:tty";
import type { Config } from "@counterfoil/contracts/config";
import { destination, type Logger, pino, stdTimeFunctions } from "pino";

type LoggerOptions = Readonly<{
  /** Which part of the program speaks; stands on every line. */
  role: string;
  level: Config["COUNTERFOIL_LOG_LEVEL"];
  /** Commands keep their output for the answer and log to stderr. */
  to?: "stdout" | "stderr";
}>;

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/**
 * JSON lines, or coloured text where a person looks on. Written at once: what a process said last
 * before it died must not be lost. Lines carry positions and ids, never a payload.
 */
export function createLogger({ role, level, to = "stdout" }: LoggerOptions): Logger {
  const fd = DESCRIPTORS[to];
  const options = {
    level,
    base: { role },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => errorFields(error, level) },
  };
  return pino(options, isatty(fd) ? prettyStream(fd) : destination({ fd, sync: true }));
}

function prettyStream(fd: number) {
  // Loaded only for a person: it takes as long as all the rest of the logger.
  const pretty: typeof import("pino-pretty") = createRequire(import.meta.url)("pino-pretty");
  return pretty({
    destination: fd,
    sync: true,
    ignore: "role",
    messageFormat: "{role}: {msg}",
    translateTime: "SYS:HH:MM:ss.l",
  });
}

const VERBOSE: ReadonlySet<string> = new Set(["debug", "trace"]);

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
    ...(isQuoting ? {} : { message }),
    ...(VERBOSE.has(level) ? { stack: frames?.map((line) => line.trim()) } : {}),
  };
}
