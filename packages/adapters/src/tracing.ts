import {
  isTraceparent,
  NO_TRACING,
  type Span,
  type SpanOptions,
  type Tracing,
} from "@counterfoil/processing/ports/tracing";
import type { SpanContext, Tracer } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { samplingOf } from "./config.ts";

/** Sends spans to OpenTelemetry after `startTracing` was called in this thread; otherwise does nothing. */
export const tracing: Tracing = {
  get isOn() {
    return current.isOn;
  },
  start: (name, options) => current.start(name, options),
};

let current: Tracing = NO_TRACING;

type StartOptions = Readonly<{
  /** The service name in traces if OTEL_SERVICE_NAME is not set. */
  role: string;
  logger: Pick<Logger, "warn">;
  /** Used instead of the exporter to the endpoint. */
  exporter?: SpanExporter;
}>;

/**
 * Collects spans in this thread if OTEL_EXPORTER_OTLP_ENDPOINT is set. They are sent in batches in the
 * background; spans that the endpoint does not accept in time are dropped.
 *
 * @returns a function that sends the remaining spans, and ends tracing
 */
export async function startTracing(options: StartOptions): Promise<() => Promise<void>> {
  if (options.exporter === undefined && !process.env.OTEL_EXPORTER_OTLP_ENDPOINT) return NOTHING;
  try {
    return await collectSpans(options);
  } catch (error) {
    // Variables that OpenTelemetry reads itself, such as the endpoint, must not stop the service.
    options.logger.warn({ err: error }, "traces are not collected: the variables OTEL_… are wrong");
    return NOTHING;
  }
}

const NOTHING = async (): Promise<void> => {};

type Api = typeof import("@opentelemetry/api");
type Sdk = typeof import("@opentelemetry/sdk-trace");

/** OpenTelemetry is loaded only here, because it takes more memory than a process without it. */
async function collectSpans({
  role,
  logger,
  exporter,
}: StartOptions): Promise<() => Promise<void>> {
  const api = await import("@opentelemetry/api");
  const sdk = await import("@opentelemetry/sdk-trace");
  const resources = await import("@opentelemetry/resources");
  logExportErrors(api, logger);
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

/** How long no spans are created after a failed export, since they would only be dropped. */
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

/** Export timeout, which bounds how long a process waits at exit for an endpoint that hangs. */
const EXPORT_MS_MAX = 2_000;

async function otlpExporter(): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const isGiven = process.env.OTEL_EXPORTER_OTLP_TIMEOUT !== undefined;
  return new OTLPTraceExporter(isGiven ? {} : { timeoutMillis: EXPORT_MS_MAX });
}

/** The SDK for Node does not read the variables of the sampler itself. */
function samplerOf(sdk: Sdk) {
  const { sampler, share } = samplingOf(process.env);
  const root = rootSamplerOf(sdk, sampler.replace(/^parentbased_/, ""), share);
  return sampler.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root }) : root;
}

function rootSamplerOf(sdk: Sdk, name: string, share: number) {
  if (name === "always_off") return new sdk.AlwaysOffSampler();
  if (name === "traceidratio") return new sdk.TraceIdRatioBasedSampler(share);
  return new sdk.AlwaysOnSampler();
}

const EXPORT_ERROR_INTERVAL_MS = 60_000;
const EXPORT_ERROR_LENGTH_MAX = 300;

/** Logs at most one line a minute, because an unavailable endpoint fails every batch. */
function logExportErrors({ diag, DiagLogLevel }: Api, logger: StartOptions["logger"]): void {
  let nextMs = 0;
  const warn = (text: string) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + EXPORT_ERROR_INTERVAL_MS;
    logger.warn(
      { detail: text.slice(0, EXPORT_ERROR_LENGTH_MAX) },
      "traces cannot be sent: dropped",
    );
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
      const context = isTraceparent(parent)
        ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent))
        : ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, context);
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

/** Only the name of an error is recorded, because its message may quote input. */
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

function spanContextOf(traceparent: string): SpanContext {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
}

const SAMPLED = 1;

/** null if the trace is not sampled. */
function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string | null {
  return traceFlags & SAMPLED ? `00-${traceId}-${spanId}-01` : null;
}
