import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

export type ZeroHashKeys = Readonly<{
  /** Used as UTF-8 text, unlike the base64 secret of the provider's REST interface. */
  secret?: string;
}>;

/** The provider's present scheme covers body and time, the legacy one only the body. */
export type ZeroHashScheme = "hmac" | "hmac-legacy";

type ZeroHashEnvelope = Readonly<{
  body: string | Uint8Array;
  payloadType: string;
  notificationId: string;
  timestampMs: number;
}>;

/** Creates temporary keys. */
export function createZeroHashKeys(): Required<ZeroHashKeys> {
  return { secret: randomBytes(24).toString("base64url") };
}

/** All headers of one Zero Hash webhook; signatures are hex without a prefix. */
export function zeroHashHeaders(
  envelope: ZeroHashEnvelope,
  { secret }: ZeroHashKeys,
  schemes: readonly ZeroHashScheme[] = ["hmac", "hmac-legacy"],
): Record<string, string> {
  const timestamp = String(envelope.timestampMs);
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "x-zh-hook-notification-id": envelope.notificationId,
    "x-zh-hook-payload-type": envelope.payloadType,
    "x-zh-hook-timestamp": timestamp,
  };
  if (secret === undefined) return headers;
  const hmac = (time: string) =>
    createHmac("sha256", secret).update(envelope.body).update(time).digest("hex");
  if (schemes.includes("hmac")) headers["x-zh-hook-signature"] = hmac(timestamp);
  if (schemes.includes("hmac-legacy")) headers["x-zh-hook-signature-256"] = hmac("");
  return headers;
}

export type Layer1Keys = Readonly<{ privateKey: KeyObject }>;

/** A new secp256k1 key, or the given one (PKCS#8 or SEC1 PEM). */
export function createLayer1Keys(given: Readonly<{ privateKeyPem?: string }> = {}): Layer1Keys {
  const privateKey =
    given.privateKeyPem === undefined
      ? generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey
      : createPrivateKey(given.privateKeyPem);
  return { privateKey };
}

/** The public key in the provider's form: base64 of the DER SubjectPublicKeyInfo. */
export function layer1PublicKeyBase64(keys: Layer1Keys): string {
  const der = createPublicKey(keys.privateKey).export({ type: "spki", format: "der" });
  return der.toString("base64");
}

/**
 * Headers of one Layer1 webhook: only the raw body is signed, no time. Every other signature
 * has an s above half of the curve's order, like the provider's own example.
 */
export function layer1Headers(
  body: string | Uint8Array,
  { privateKey }: Layer1Keys,
): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-signature": sign("sha256", Buffer.from(body), privateKey).toString("base64"),
  };
}

/** How a provider retries: the pauses between attempts, and the statuses that it counts as received. */
type RetryPolicy = Readonly<{
  /** One pause before each further attempt; no more attempts than pauses plus one. */
  delaysMs: readonly number[];
  isReceived: (status: number) => boolean;
}>;

/** Up to 4 retries 250 ms apart, then 3 with exponential backoff, then the webhook is dropped. */
export const ZEROHASH_RETRIES: RetryPolicy = {
  delaysMs: [250, 250, 250, 250, 1_000, 2_000, 4_000],
  isReceived: (status) => status >= 200 && status < 300,
};

const LAYER1_ATTEMPTS_MAX = 100;
const LAYER1_DELAY_MS_MAX = 15 * 60 * 1_000;

/** A growing delay, capped at 15 minutes, up to 100 attempts; only 200 counts as received. */
export const LAYER1_RETRIES: RetryPolicy = {
  delaysMs: Array.from({ length: LAYER1_ATTEMPTS_MAX - 1 }, (_, retry) =>
    Math.min(1_000 * 2 ** retry, LAYER1_DELAY_MS_MAX),
  ),
  isReceived: (status) => status === 200,
};

export const NO_RETRIES: RetryPolicy = {
  delaysMs: [],
  isReceived: ZEROHASH_RETRIES.isReceived,
};

const SOME_SECONDS: RetryPolicy = {
  ...LAYER1_RETRIES,
  delaysMs: ZEROHASH_RETRIES.delaysMs,
};

export const POLICIES = {
  provider: { zerohash: ZEROHASH_RETRIES, layer1: LAYER1_RETRIES },
  seconds: { zerohash: ZEROHASH_RETRIES, layer1: SOME_SECONDS },
  none: { zerohash: NO_RETRIES, layer1: NO_RETRIES },
} as const;

type OutgoingWebhook = Readonly<{
  url: string;
  /** Sent unchanged: a signature covers exactly these bytes. */
  body: string | Uint8Array;
  /** Called before each attempt (counted from 1), so that each one can be signed again. */
  headersOf: (attempt: number) => Readonly<Record<string, string>>;
}>;

/** `status` is null if there was no answer; `error` then says why. */
type Attempt = Readonly<{ status: number | null; error: string | null; tookMs: number }>;

type SendOutcome = Readonly<{
  /** false: the provider has given up and dropped the webhook. */
  received: boolean;
  attempts: readonly Attempt[];
}>;

export type WebhookSender = Readonly<{
  send: (webhook: OutgoingWebhook, policy: RetryPolicy) => Promise<SendOutcome>;
  /** Closes the connections and ends pauses; running requests count as not received. */
  close: () => void;
}>;

type WebhookSenderOptions = Readonly<{
  /** The maximum number of keep-alive connections. */
  connectionsMax?: number;
  timeoutMs?: number;
  /** Multiplies every pause of a policy: 0.01 makes a quarter of a second 2.5 ms. */
  delayScale?: number;
}>;

/** Posts webhooks over keep-alive connections, and retries them by the provider's policy. */
export function createWebhookSender(options: WebhookSenderOptions = {}): WebhookSender {
  const pool = { keepAlive: true, maxSockets: options.connectionsMax ?? 64 };
  const agents = { http: new HttpAgent(pool), https: new HttpsAgent(pool) };
  const closing = new AbortController();
  const transport = { agents, timeoutMs: options.timeoutMs ?? 10_000 };
  const post = (webhook: OutgoingWebhook, attempt: number) =>
    attemptPost(webhook, attempt, transport);
  return {
    async send(webhook, policy) {
      const attempts = [await post(webhook, 1)];
      for (const delayMs of policy.delaysMs) {
        if (isReceived(attempts.at(-1), policy)) break;
        await pauseUnlessClosed(delayMs * (options.delayScale ?? 1), closing.signal);
        if (closing.signal.aborted) break;
        attempts.push(await post(webhook, attempts.length + 1));
      }
      return { received: isReceived(attempts.at(-1), policy), attempts };
    },
    close() {
      closing.abort(new Error("the sender was closed"));
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

type Transport = Readonly<{
  agents: Readonly<{ http: HttpAgent; https: HttpsAgent }>;
  timeoutMs: number;
}>;

function isReceived(attempt: Attempt | undefined, policy: RetryPolicy): boolean {
  return attempt !== undefined && attempt.status !== null && policy.isReceived(attempt.status);
}

async function attemptPost(
  webhook: OutgoingWebhook,
  attempt: number,
  transport: Transport,
): Promise<Attempt> {
  const startedAtMs = performance.now();
  const tookMs = () => performance.now() - startedAtMs;
  try {
    const status = await postOnce(webhook, webhook.headersOf(attempt), transport);
    return { status, error: null, tookMs: tookMs() };
  } catch (error) {
    return { status: null, error: String(error), tookMs: tookMs() };
  }
}

function postOnce(
  webhook: OutgoingWebhook,
  headers: Readonly<Record<string, string>>,
  { agents, timeoutMs }: Transport,
): Promise<number> {
  const body = Buffer.from(webhook.body);
  const isSecure = webhook.url.startsWith("https:");
  const request = isSecure ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onAnswer = (answer: IncomingMessage) => {
    // The connection can be reused only after the answer is read to its end.
    answer.resume();
    answer.once("error", reject);
    answer.once("end", () => resolve(answer.statusCode ?? 0));
  };
  const outgoing = request(
    webhook.url,
    {
      method: "POST",
      agent: isSecure ? agents.https : agents.http,
      headers: { ...headers, "content-length": body.length },
      timeout: timeoutMs,
    },
    onAnswer,
  );
  outgoing.once("timeout", () => outgoing.destroy(new Error("no answer in time")));
  outgoing.once("error", reject);
  outgoing.end(body);
  return promise;
}

async function pauseUnlessClosed(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined);
}
