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
