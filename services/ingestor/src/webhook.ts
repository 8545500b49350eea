import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Config } from "@counterfoil/contracts/config";
import { ERROR_CODES, type ErrorCode } from "@counterfoil/contracts/http";
import type { Provider } from "@counterfoil/contracts/scalar";
import { Problem, sendProblem, streamProblemOf } from "@counterfoil/http/problem";
import { originOf, type SampledLog, sampleLog } from "@counterfoil/http/request-log";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamMissing, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { type Ingest, Overloaded } from "@counterfoil/processing/ports/ingest";
import type { Tracing } from "@counterfoil/processing/ports/tracing";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import {
  createLayer1Verifier,
  createZeroHashVerifier,
  headerText,
  type VerifySignature,
} from "./signatures.ts";
import { errorReport, type IngestorMetrics, logIncomplete, traceRequests } from "./telemetry.ts";

export type WebhookDeps = Readonly<{
  config: Config;
  ingest: Ingest;
  clock: Clock;
  logger: Logger;
  metrics: IngestorMetrics;
  tracing?: Tracing;
}>;

/**
 * Mounts `POST /webhooks/zerohash` and `POST /webhooks/layer1`. A webhook is acknowledged with 200
 * once it is durable, and with a problem document otherwise. The parsers and error handlers apply to
 * these routes alone; the instance should be made by `createListener`.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export async function registerWebhooks(app: FastifyInstance, deps: WebhookDeps): Promise<void> {
  const sources = webhookSources(deps.config, deps.metrics.legacySignature);
  const log = sampleLog(deps);
  await app.register(async (scope) => {
    parseBodiesAsBytes(scope, deps.config.COUNTERFOIL_MAX_BODY_BYTES);
    const sourceDeps = { ...deps, log, traceOf: traceRequests(scope, deps.tracing) };
    for (const source of sources) mountSource(scope, source, sourceDeps);
    refuseOtherPaths(scope, sources, sourceDeps);
  });
}

/** @throws StartupError configuration_invalid for a key that cannot be read */
export function checkWebhookKeys(config: Config): void {
  webhookSources(config, () => {});
}

/** How the webhooks of one provider are received. */
type WebhookSource = Readonly<{
  provider: Provider;
  path: string;
  /** null if no key is configured for the provider: its route answers `channel_not_configured`. */
  verify: VerifySignature | null;
  payloadType: (headers: IncomingHttpHeaders, body: Uint8Array) => string;
  notificationId: (headers: IncomingHttpHeaders) => string | null;
}>;

/**
 * Both providers' sources. All keys are parsed here, once.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
function webhookSources(
  config: Config,
  onLegacyOnly: IngestorMetrics["legacySignature"],
): readonly WebhookSource[] {
  const secrets = config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET;
  const rsaKeys = config.COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY;
  const ecdsaKeys = config.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY;
  const rejectStale = config.COUNTERFOIL_REJECT_STALE;
  const requireTimestamped = config.COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE;
  const unsigned = config.COUNTERFOIL_ALLOW_UNSIGNED ? acceptUnsigned : null;
  const verifyZeroHash =
    secrets.length + rsaKeys.length === 0
      ? unsigned
      : createZeroHashVerifier({
          ...{ secrets, publicKeys: rsaKeys },
          ...{ rejectStale, requireTimestamped, onLegacyOnly },
        });
  return [
    {
      provider: "zerohash",
      path: "/webhooks/zerohash",
      verify: verifyZeroHash,
      payloadType: (headers) => headerText(headers, "x-zh-hook-payload-type") ?? "",
      notificationId: (headers) => headerText(headers, "x-zh-hook-notification-id") ?? null,
    },
    {
      provider: "layer1",
      path: "/webhooks/layer1",
      verify: ecdsaKeys.length === 0 ? unsigned : createLayer1Verifier(ecdsaKeys),
      payloadType: (_headers, body) => layer1Event(body),
      notificationId: () => null,
    },
  ];
}

const acceptUnsigned: VerifySignature = async () => ({
  ok: true,
  verdict: { signature: "unsigned" },
});

/** The names in use are like `layer1:crypto:deposit:status-change`. */
const EVENT_NAME = /^[\w:.-]{1,200}$/;

/**
 * The event name in a Layer1 body, "" if it has none. Depends on the body alone, because it is part of
 * the delivery's identity; the translation interprets the body.
 */
function layer1Event(body: Uint8Array): string {
  try {
    const { event, eventType } = Object(JSON.parse(UTF8.decode(body)));
    const name = event ?? eventType;
    return typeof name === "string" && EVENT_NAME.test(name) ? name : "";
  } catch {
    return "";
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Accepts every content type as bytes: a signature covers exactly the bytes that were sent. */
function parseBodiesAsBytes(scope: FastifyInstance, bodyLimit: number): void {
  scope.addHook("onRequest", async (request) => {
    // Fastify refuses a missing or malformed content type before it calls a parser.
    request.raw.headers["content-type"] = "application/octet-stream";
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit }, (_request, body, done) => {
    done(null, body);
  });
}

type SourceDeps = WebhookDeps &
  Readonly<{ log: SampledLog; traceOf: ReturnType<typeof traceRequests> }>;

function mountSource(scope: FastifyInstance, source: WebhookSource, deps: SourceDeps): void {
  const { path } = source;
  const handler = createWebhookHandler(source, deps);
  const errorHandler = createErrorHandler(source, deps);
  scope.route({ method: "POST", url: path, handler, errorHandler });
  scope.route({
    method: scope.supportedMethods.filter((method) => method !== "POST"),
    url: path,
    errorHandler,
    handler: (_request, reply) =>
      sendProblem(
        reply.header("allow", "POST"),
        new Problem("method_not_allowed", `${path} takes POST`),
      ),
  });
}

/** Logs and counts webhooks to a wrong path, such as one with a trailing slash. */
function refuseOtherPaths(
  scope: FastifyInstance,
  sources: readonly WebhookSource[],
  deps: SourceDeps,
): void {
  const paths = sources.map(({ path }) => path).join(" and ");
  scope.all("/webhooks/*", async (request, reply) =>
    createRefuse(
      "unknown",
      deps,
      request,
      reply,
    )("not_found", `webhooks are taken at ${paths} alone`),
  );
}

function createWebhookHandler(source: WebhookSource, deps: SourceDeps) {
  const { provider, verify } = source;
  const { ingest, clock, metrics, traceOf } = deps;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { headers, body } = request;
    const refuse = createRefuse(provider, deps, request, reply);
    if (verify === null) return refuse("channel_not_configured", `no key for ${provider} is set`);
    const stopTimer = metrics.startAnswerTimer(provider);
    const receivedAt = clock.now();
    const bytes = body as Buffer;
    const signature = await verify({ headers, body: bytes, receivedAt });
    if (!signature.ok) return refuse(signature.code, signature.detail);
    const payloadType = source.payloadType(headers, bytes);
    const receipt = await ingest.submit({
      provider,
      channel: "webhook",
      payloadType,
      notificationId: source.notificationId(headers),
      place: null,
      verdict: signature.verdict,
      bytes,
      receivedAt,
      correlationId: request.id,
      ...traceOf(request),
    });
    metrics.delivered(provider, "webhook", receipt);
    const origin = originOf(request);
    logIncomplete(deps.log, { provider, channel: "webhook", payloadType, receipt, origin });
    stopTimer();
    const { deliveryId, outcome, position } = receipt;
    request.logged = { delivery_id: deliveryId, outcome };
    return reply.send({ delivery_id: deliveryId, outcome, position: String(position) });
  };
}

type Refuse = (code: ErrorCode, detail: string) => FastifyReply;

/** Counts, logs and answers a refusal; the log never contains the body or a header's value. */
function createRefuse(
  provider: Provider | "unknown",
  { metrics, log }: SourceDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Refuse {
  return (code, detail) => {
    metrics.refused(provider, code);
    const fields = { ...originOf(request), provider, code, detail };
    log(`${provider} ${code}`, "warn", fields, "webhook refused");
    return sendProblem(reply, new Problem(code, detail));
  };
}

const NOT_ACKNOWLEDGED = "the webhook was not acknowledged, send it again";

/** Transient states of the service; the provider retries. */
const TRANSIENT: readonly (readonly [new (message?: string) => Error, ErrorCode, string])[] = [
  [StreamUnavailable, "stream_unavailable", NOT_ACKNOWLEDGED],
  [StreamMissing, "stream_unavailable", NOT_ACKNOWLEDGED],
  [Overloaded, "overloaded", "the webhook was not stored, send it again later"],
];

const INTERNAL = new Problem("internal_error", NOT_ACKNOWLEDGED);

type RequestError = Error & { code?: string; statusCode?: number };

function createErrorHandler({ provider }: WebhookSource, deps: SourceDeps) {
  const { COUNTERFOIL_MAX_BODY_BYTES: bodyBytesMax } = deps.config;
  return async (error: RequestError, request: FastifyRequest, reply: FastifyReply) => {
    const refuse = createRefuse(provider, deps, request, reply);
    const transient = TRANSIENT.find(([kind]) => error instanceof kind);
    if (transient) return refuse(transient[1], transient[2]);
    if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
      await discardRest(request.raw);
      return refuse("payload_too_large", `more than ${bodyBytesMax} bytes`);
    }
    // The body was cut, or its length differs from the announced one.
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return refuse("malformed_request", "the body did not arrive as announced");
    }
    const { code, message } = streamProblemOf(error) ?? INTERNAL;
    if (ERROR_CODES[code].status === 500) {
      const fields = { ...originOf(request), provider, ...errorReport(error) };
      deps.log(provider, "error", fields, "webhook failed");
    }
    return refuse(code, message);
  };
}

/** A sender that is still writing after this many bytes will not read an answer. */
const DISCARDED_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads and discards the rest of a body. An earlier answer would close the connection while the sender
 * is still writing, and the sender would not receive the answer.
 */
function discardRest(body: Readable): Promise<void> {
  return new Promise((resolve) => {
    let remainingBytes = DISCARDED_BYTES_MAX;
    body.on("data", (chunk: Buffer) => {
      remainingBytes -= chunk.length;
      if (remainingBytes < 0) resolve();
    });
    body.once("end", resolve);
    body.once("close", resolve);
    body.resume();
  });
}
