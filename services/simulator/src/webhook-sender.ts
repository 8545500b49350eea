import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  STATUS_CODES,
} from "node:http";
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
  /** Statuses that end the attempts. A provider has none: it repeats whatever was answered. */
  isFinal?: (status: number) => boolean;
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

/** The same request gets the same answer again, unless the service was only slow (408) or busy (429). */
const isClientError = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 429;

const SOME_SECONDS = { delaysMs: ZEROHASH_RETRIES.delaysMs, isFinal: isClientError } as const;

export const POLICIES = {
  provider: { zerohash: ZEROHASH_RETRIES, layer1: LAYER1_RETRIES },
  seconds: {
    zerohash: { ...ZEROHASH_RETRIES, ...SOME_SECONDS },
    layer1: { ...LAYER1_RETRIES, ...SOME_SECONDS },
  },
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

/** What the service answered to a webhook that is not tried again. */
export type Refusal = Readonly<{
  status: number;
  /** Of the problem document; null if it answered something else. */
  code: string | null;
  title: string;
  detail: string | null;
}>;

type SendOutcome = Readonly<{
  /** false: the provider has given up and dropped the webhook. */
  received: boolean;
  attempts: readonly Attempt[];
  /** null unless the policy has final statuses, and one of them ended the attempts. */
  refusal: Refusal | null;
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
      const attempts: Attempt[] = [];
      for (const delayMs of [0, ...policy.delaysMs]) {
        if (attempts.length > 0) {
          await pauseUnlessClosed(delayMs * (options.delayScale ?? 1), closing.signal);
          if (closing.signal.aborted) break;
        }
        const { body, ...attempt } = await post(webhook, attempts.length + 1);
        attempts.push(attempt);
        const { status } = attempt;
        if (status === null) continue;
        if (policy.isReceived(status)) return { received: true, attempts, refusal: null };
        if (policy.isFinal?.(status)) {
          return { received: false, attempts, refusal: readRefusal(status, body) };
        }
      }
      return { received: false, attempts, refusal: null };
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

/** Reads the answer as a problem document (RFC 9457), which other servers may not send. */
function readRefusal(status: number, body: string): Refusal {
  const { code, title, detail } = Object(parseJson(body)) as Readonly<Record<string, unknown>>;
  const textOr = <Other>(value: unknown, other: Other) =>
    typeof value === "string" ? value : other;
  return {
    status,
    code: textOr(code, null),
    title: textOr(title, STATUS_CODES[status] ?? ""),
    detail: textOr(detail, null),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function attemptPost(
  webhook: OutgoingWebhook,
  attempt: number,
  transport: Transport,
): Promise<Attempt & Readonly<{ body: string }>> {
  const startedAtMs = performance.now();
  const tookMs = () => performance.now() - startedAtMs;
  try {
    const answer = await postOnce(webhook, webhook.headersOf(attempt), transport);
    return { ...answer, error: null, tookMs: tookMs() };
  } catch (error) {
    return { status: null, body: "", error: String(error), tookMs: tookMs() };
  }
}

type Answer = Readonly<{ status: number; body: string }>;

/** More than any problem document has; the rest of a longer answer is discarded. */
const ANSWER_LENGTH_MAX = 16_384;

function postOnce(
  webhook: OutgoingWebhook,
  headers: Readonly<Record<string, string>>,
  { agents, timeoutMs }: Transport,
): Promise<Answer> {
  const body = Buffer.from(webhook.body);
  const isSecure = webhook.url.startsWith("https:");
  const request = isSecure ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const onAnswer = (answer: IncomingMessage) => {
    let text = "";
    // The connection can be reused only after the answer is read to its end.
    answer.setEncoding("utf8").on("data", (chunk: string) => {
      if (text.length < ANSWER_LENGTH_MAX) text += chunk;
    });
    answer.once("error", reject);
    answer.once("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
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
