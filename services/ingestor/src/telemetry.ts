import type { ErrorCode } from "@counterfoil/contracts/http";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import { framesOf } from "@counterfoil/http/problem";
import type { originOf, SampledLog } from "@counterfoil/http/request-log";
import type { Delivery, Receipt } from "@counterfoil/processing/ports/ingest";
import {
  isTraceparent,
  NO_TRACING,
  type Span,
  type Tracing,
} from "@counterfoil/processing/ports/tracing";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** `disconnected`: between connections; `connected`: without a snapshot; `subscribed`: with one. */
const FEED_STATES = ["disconnected", "connected", "subscribed"] as const;
type FeedState = (typeof FEED_STATES)[number];

/** What the ingestor counts. */
export type IngestorMetrics = Readonly<{
  delivered: (provider: Provider, channel: Channel, outcome: Receipt["outcome"]) => void;
  /** `unknown`: it came to a path that is no provider's. */
  refused: (provider: Provider | "unknown", code: ErrorCode) => void;
  /** Starts a stop-watch; call what it returns once the webhook is answered. */
  answering: (provider: Provider) => () => void;
  legacySignature: (isDowngrade: boolean) => void;
  feedState: (state: FeedState) => void;
  feedFrame: (kind: string) => void;
  /** A connection ended, or (`unreachable`) could not be made. */
  feedClosed: (reason: string) => void;
  /** A feed record had to wait and will be tried again. */
  feedRetried: () => void;
}>;

/** From a fast commit to the time after which the provider gives up. */
const ACKNOWLEDGEMENT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10];

/** Registers the ingestor's metrics; one ingestor per registry. */
export function createMetrics(registry: Registry): IngestorMetrics {
  const acknowledgement = new Histogram({
    name: "counterfoil_webhook_acknowledgement_seconds",
    help: "From the last byte of a webhook to its answer",
    labelNames: ["provider"],
    buckets: ACKNOWLEDGEMENT_SECONDS,
    registers: [registry],
  });
  return {
    ...createDeliveryCounters(registry),
    ...createFeedMetrics(registry),
    answering: (provider) => acknowledgement.startTimer({ provider }),
  };
}

function createDeliveryCounters(registry: Registry) {
  const delivered = new Counter({
    name: "counterfoil_deliveries_total",
    help: "Deliveries that are durable, by what became of them",
    labelNames: ["provider", "channel", "outcome"],
    registers: [registry],
  });
  const refused = new Counter({
    name: "counterfoil_webhooks_refused_total",
    help: "Webhooks that were not acknowledged, by the code of the answer",
    labelNames: ["provider", "code"],
    registers: [registry],
  });
  const legacy = new Counter({
    name: "counterfoil_webhook_legacy_signature_total",
    help: "Webhooks accepted by a legacy signature alone; downgrade: after timestamped ones",
    labelNames: ["downgrade"],
    registers: [registry],
  });
  return {
    delivered: (provider, channel, outcome) => delivered.inc({ provider, channel, outcome }),
    refused: (provider, code) => refused.inc({ provider, code }),
    legacySignature: (isDowngrade) => legacy.inc({ downgrade: String(isDowngrade) }),
  } satisfies Partial<IngestorMetrics>;
}

function createFeedMetrics(registry: Registry) {
  const state = new Gauge({
    name: "counterfoil_feed_state",
    help: "1 for the state that the feed is in; nothing where none is followed",
    labelNames: ["state"],
    registers: [registry],
  });
  const frames = new Counter({
    name: "counterfoil_feed_frames_total",
    help: "Feed frames that arrived, pongs too",
    labelNames: ["kind"],
    registers: [registry],
  });
  const closed = new Counter({
    name: "counterfoil_feed_reconnects_total",
    help: "Ends of feed connections and failed attempts to make one",
    labelNames: ["reason"],
    registers: [registry],
  });
  const retried = new Counter({
    name: "counterfoil_feed_retries_total",
    help: "Attempts to record something of the feed that have to be repeated",
    registers: [registry],
  });
  return {
    feedState: (present) => {
      for (const name of FEED_STATES) state.set({ state: name }, Number(name === present));
    },
    feedFrame: (kind) => frames.inc({ kind }),
    feedClosed: (reason) => closed.inc({ reason }),
    feedRetried: () => retried.inc(),
  } satisfies Partial<IngestorMetrics>;
}

type Delivered = Pick<Delivery, "provider" | "channel" | "payloadType"> &
  Readonly<{
    receipt: Receipt;
    /** Of the request that brought it. */
    origin?: ReturnType<typeof originOf>;
  }>;

const PAYLOAD_TYPE_SHOWN = 200;

/** One line for each delivery that nobody could read: by its id a person finds the bytes. */
export function logQuarantined(log: SampledLog, delivered: Delivered): void {
  const { provider, channel, payloadType, receipt, origin = {} } = delivered;
  if (receipt.outcome !== "quarantined") return;
  const fields = {
    ...origin,
    delivery_id: receipt.deliveryId,
    ...{ provider, channel, reason: receipt.reason },
    payload_type: payloadType.slice(0, PAYLOAD_TYPE_SHOWN),
  };
  log(`${provider} quarantined`, "warn", fields, "delivery quarantined: nobody can read it");
}

/**
 * What the log may say of an error that nobody expected. Messages stay out: those of parsers quote
 * what they parse, which here is a delivery's body.
 */
export function errorReport(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  return { error: error.name, code, at: framesOf(error).slice(0, 8) };
}

declare module "fastify" {
  interface FastifyRequest {
    span: Span | undefined;
  }
}

/**
 * Makes each request of an application a span, of the trace that its sender names or of a new one.
 *
 * @returns what a delivery of a request is to name as its parent; without tracing, what the sender says
 */
export function traceRequests(
  app: FastifyInstance,
  tracing: Tracing = NO_TRACING,
): (request: FastifyRequest) => Readonly<{ traceparent?: string }> {
  app.decorateRequest("span");
  app.addHook("onRequest", (request, _reply, done) => {
    if (tracing.isOn) request.span = startSpan(request, tracing);
    done();
  });
  app.addHook("onResponse", (request, { statusCode }, done) => {
    request.span?.end({ "http.response.status_code": statusCode });
    done();
  });
  return (request) => {
    const traceparent = request.span?.traceparent ?? senderOf(request);
    return traceparent === undefined ? {} : { traceparent };
  };
}

function startSpan(request: FastifyRequest, tracing: Tracing): Span {
  const { method, routeOptions, id } = request;
  const route = routeOptions.url ?? "none";
  const attributes = {
    "http.request.method": method,
    "http.route": route,
    "counterfoil.request_id": id,
  };
  return tracing.start(`${method} ${route}`, {
    kind: "server",
    parent: senderOf(request),
    attributes,
  });
}

function senderOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  return isTraceparent(traceparent) ? traceparent : undefined;
}
