import type { ErrorCode } from "@counterfoil/contracts/http";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import { COPIES_MAX } from "@counterfoil/core/ingest/fact-state";
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

/** `connected`: no snapshot yet; `subscribed`: a snapshot is recorded. */
const FEED_STATES = ["disconnected", "connected", "subscribed"] as const;
type FeedState = (typeof FEED_STATES)[number];

/** The metrics of an ingestor. */
export type IngestorMetrics = Readonly<{
  delivered: (provider: Provider, channel: Channel, receipt: Receipt) => void;
  /** `unknown`: the path belongs to no provider. */
  refused: (provider: Provider | "unknown", code: ErrorCode) => void;
  /** @returns a function that stops the timer, to be called once the webhook is answered */
  startAnswerTimer: (provider: Provider) => () => void;
  legacySignature: (isDowngrade: boolean) => void;
  feedState: (state: FeedState) => void;
  feedFrame: (kind: string) => void;
  /** A connection ended, or (`unreachable`) could not be opened. */
  feedClosed: (reason: string) => void;
  /** An append of the feed failed and is retried. */
  feedRetried: () => void;
}>;

/** From a fast commit to the provider's timeout. */
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
    startAnswerTimer: (provider) => acknowledgement.startTimer({ provider }),
  };
}

function createDeliveryCounters(registry: Registry) {
  const delivered = new Counter({
    name: "counterfoil_deliveries_total",
    help: "Deliveries that are durable, by outcome",
    labelNames: ["provider", "channel", "outcome"],
    registers: [registry],
  });
  const leftOut = new Counter({
    name: "counterfoil_copies_left_out_total",
    help: "Copies of facts that are kept as deliveries only, since their facts have too many that differ",
    labelNames: ["provider", "channel"],
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
    delivered: (provider, channel, receipt) => {
      delivered.inc({ provider, channel, outcome: receipt.outcome });
      if (receipt.leftOut > 0) leftOut.inc({ provider, channel }, receipt.leftOut);
    },
    refused: (provider, code) => refused.inc({ provider, code }),
    legacySignature: (isDowngrade) => legacy.inc({ downgrade: String(isDowngrade) }),
  } satisfies Partial<IngestorMetrics>;
}

function createFeedMetrics(registry: Registry) {
  const state = new Gauge({
    name: "counterfoil_feed_state",
    help: "1 for the state that the feed is in; absent if no feed is configured",
    labelNames: ["state"],
    registers: [registry],
  });
  const frames = new Counter({
    name: "counterfoil_feed_frames_total",
    help: "Feed frames received, including pongs",
    labelNames: ["kind"],
    registers: [registry],
  });
  const closed = new Counter({
    name: "counterfoil_feed_reconnects_total",
    help: "Ends of feed connections and failed attempts to open one",
    labelNames: ["reason"],
    registers: [registry],
  });
  const retried = new Counter({
    name: "counterfoil_feed_retries_total",
    help: "Failed attempts to record a feed event, each of which is retried",
    registers: [registry],
  });
  return {
    feedState: (current) => {
      for (const name of FEED_STATES) state.set({ state: name }, Number(name === current));
    },
    feedFrame: (kind) => frames.inc({ kind }),
    feedClosed: (reason) => closed.inc({ reason }),
    feedRetried: () => retried.inc(),
  } satisfies Partial<IngestorMetrics>;
}

type Delivered = Pick<Delivery, "provider" | "channel" | "payloadType"> &
  Readonly<{
    receipt: Receipt;
    /** The origin of the webhook's request. */
    origin?: ReturnType<typeof originOf>;
  }>;

const PAYLOAD_TYPE_LENGTH_MAX = 200;

/**
 * Logs a delivery that is quarantined or not wholly recorded as facts, with the id under which its bytes
 * are found.
 */
export function logIncomplete(log: SampledLog, delivered: Delivered): void {
  const { provider, channel, payloadType, receipt, origin = {} } = delivered;
  const { outcome, deliveryId, reason, leftOut } = receipt;
  if (outcome !== "quarantined" && leftOut === 0) return;
  const payload_type = payloadType.slice(0, PAYLOAD_TYPE_LENGTH_MAX);
  const fields = { ...origin, delivery_id: deliveryId, provider, channel, payload_type };
  if (outcome === "quarantined") {
    const quarantined = { ...fields, reason };
    log(`${provider} quarantined`, "warn", quarantined, "delivery quarantined: nobody can read it");
  } else {
    const text = `${leftOut} of its facts already have ${COPIES_MAX} copies that differ: this copy is kept as a delivery only`;
    log(`${provider} left out`, "warn", { ...fields, left_out: leftOut }, text);
  }
}

/**
 * The fields that may be logged of an unexpected error. Its message is omitted: a parser's message
 * quotes its input, which here is a delivery's body.
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
 * Starts a span for each request of an application, in the sender's trace or in a new one.
 *
 * @returns a function that gives the `traceparent` for a request's delivery; without tracing, the
 *   sender's own
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
    const traceparent = request.span?.traceparent ?? senderTraceparent(request);
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
    parent: senderTraceparent(request),
    attributes,
  });
}

function senderTraceparent({ headers: { traceparent } }: FastifyRequest): string | undefined {
  return isTraceparent(traceparent) ? traceparent : undefined;
}
