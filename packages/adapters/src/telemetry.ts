import { constants, fstatSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isatty } from "node:tty";
import { isMainThread } from "node:worker_threads";
import type { Config } from "@counterfoil/contracts/config";
import {
  isTraceparent,
  NO_TRACING,
  type Span,
  type SpanOptions,
  type Tracing,
} from "@counterfoil/processing/ports/tracing";
import type { SpanContext, Tracer } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
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

type Api = typeof import("@opentelemetry/api");
type Sdk = typeof import("@opentelemetry/sdk-trace");

/** Spans go to OpenTelemetry once `startTracing` was called in this thread, and nowhere before. */
export const tracing: Tracing = {
  get isOn() {
    return current.isOn;
  },
  start: (name, options) => current.start(name, options),
};

let current: Tracing = NO_TRACING;

type StartOptions = Readonly<{
  /** Names the service in traces, unless OTEL_SERVICE_NAME does. */
  role: string;
  logger: Pick<Logger, "warn">;
  /** Instead of one that sends to the endpoint. */
  exporter?: SpanExporter;
}>;

/**
 * Collects spans in this thread, where OTEL_EXPORTER_OTLP_ENDPOINT is set. They are sent in batches
 * beside the work: what the other side does not take in time is dropped, and nobody waits for it.
 *
 * @returns what sends the rest, and ends it
 */
export async function startTracing(options: StartOptions): Promise<() => Promise<void>> {
  if (options.exporter === undefined && !process.env.OTEL_EXPORTER_OTLP_ENDPOINT) return NOTHING;
  try {
    return await collectSpans(options);
  } catch (error) {
    // Money is recorded whether or not anybody looks on.
    options.logger.warn({ err: error }, "traces are not collected: the variables OTEL_… are wrong");
    return NOTHING;
  }
}

const NOTHING = async (): Promise<void> => {};

/** OpenTelemetry is loaded here alone: it is larger than a process that does without. */
async function collectSpans({
  role,
  logger,
  exporter,
}: StartOptions): Promise<() => Promise<void>> {
  const api = await import("@opentelemetry/api");
  const sdk = await import("@opentelemetry/sdk-trace");
  const resources = await import("@opentelemetry/resources");
  logTrouble(api, logger);
  const { envDetector, serviceNameEnvDetector } = resources;
  const named = resources.detectResources({ detectors: [envDetector, serviceNameEnvDetector] });
  const sending = pauseAfterFailure(exporter ?? (await otlpExporter()));
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ "service.name": `counterfoil-${role}` }))
      .merge(named),
    sampler: samplerOf(sdk),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: sending.exporter })],
  });
  current = tracingWith(api, provider.getTracer("counterfoil"), sending.isPaused);
  return async () => {
    current = NO_TRACING;
    await provider.shutdown().catch(() => undefined);
  };
}

/** While the endpoint is away, spans would be made only to be dropped. */
const PAUSE_MS = 10_000;

function pauseAfterFailure(exporter: SpanExporter) {
  let pausedUntilMs = 0;
  const pausing: SpanExporter = {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) pausedUntilMs = performance.now() + PAUSE_MS;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
  return { exporter: pausing, isPaused: () => performance.now() < pausedUntilMs };
}

/** A process that ends waits no longer for an endpoint that hangs. */
const EXPORT_MS_MAX = 2_000;

async function otlpExporter(): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const isGiven = process.env.OTEL_EXPORTER_OTLP_TIMEOUT !== undefined;
  return new OTLPTraceExporter(isGiven ? {} : { timeoutMillis: EXPORT_MS_MAX });
}

/** The names are OpenTelemetry's; its own SDK for Node leaves them to whoever starts it. */
function samplerOf(sdk: Sdk) {
  const { OTEL_TRACES_SAMPLER: name = "parentbased_always_on", OTEL_TRACES_SAMPLER_ARG: share } =
    process.env;
  const root = rootSamplerOf(sdk, name.replace(/^parentbased_/, ""), Number(share ?? 1));
  return name.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root }) : root;
}

function rootSamplerOf(sdk: Sdk, name: string, share: number) {
  if (name === "always_off") return new sdk.AlwaysOffSampler();
  if (name === "traceidratio") return new sdk.TraceIdRatioBasedSampler(share);
  return new sdk.AlwaysOnSampler();
}

const TROUBLE_EVERY_MS = 60_000;
const TROUBLE_LENGTH_MAX = 300;

/** An endpoint that is away fails every batch: one line a minute says so. */
function logTrouble({ diag, DiagLogLevel }: Api, logger: StartOptions["logger"]): void {
  let nextMs = 0;
  const warn = (text: string) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + TROUBLE_EVERY_MS;
    logger.warn({ detail: text.slice(0, TROUBLE_LENGTH_MAX) }, "traces cannot be sent: dropped");
  };
  const ignore = () => {};
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function tracingWith(api: Api, tracer: Tracer, isPaused: () => boolean): Tracing {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const kinds = {
    server: SpanKind.SERVER,
    internal: SpanKind.INTERNAL,
    producer: SpanKind.PRODUCER,
    consumer: SpanKind.CONSUMER,
  } as const;
  return {
    get isOn() {
      return !isPaused();
    },
    start(name: string, { kind = "internal", parent, attributes = {} }: SpanOptions = {}): Span {
      const caused = isTraceparent(parent)
        ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent))
        : ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, caused);
      const traceparent = traceparentOf(span.spanContext());
      return {
        ...(traceparent !== null && { traceparent }),
        end(more = {}, error) {
          span.setAttributes(more);
          if (error !== undefined)
            span.setStatus({ code: SpanStatusCode.ERROR, message: nameOf(error) });
          span.end();
        },
      };
    },
  };
}

/** A message may quote what came in; a name does not. */
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

function spanContextOf(traceparent: string): SpanContext {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
}

const SAMPLED = 1;

/** null where nobody collects the trace. */
function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string | null {
  return traceFlags & SAMPLED ? `00-${traceId}-${spanId}-01` : null;
}
