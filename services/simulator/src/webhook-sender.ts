import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

/** How a provider tries again: the pauses between attempts, and what it counts as received. */
export type RetryPolicy = Readonly<{
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

/** A growing delay, capped at 15 minutes, up to 100 attempts; only 200 will do. */
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

export type OutgoingWebhook = Readonly<{
  url: string;
  /** Sent as they are: a signature covers exactly these bytes. */
  body: string | Uint8Array;
  /** Asked for before each attempt (from 1), so that a caller may sign each one anew. */
  headersOf: (attempt: number) => Readonly<Record<string, string>>;
}>;

/** `status` is null where no answer came; `error` then says why. */
export type Attempt = Readonly<{ status: number | null; error: string | null; tookMs: number }>;

export type SendOutcome = Readonly<{
  /** false: the provider has given up and dropped the webhook. */
  received: boolean;
  attempts: readonly Attempt[];
}>;

export type WebhookSender = Readonly<{
  send: (webhook: OutgoingWebhook, policy: RetryPolicy) => Promise<SendOutcome>;
  /** Closes the kept connections and ends pauses; what is under way counts as not received. */
  close: () => void;
}>;

export type WebhookSenderOptions = Readonly<{
  /** Kept alive between webhooks. */
  connectionsMax?: number;
  timeoutMs?: number;
  /** Multiplies every pause of a policy: 0.01 makes a quarter of a second 2.5 ms. */
  delayScale?: number;
}>;

/** Posts webhooks over kept connections, and repeats them as the provider's policy says. */
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
    // The connection is free for the next webhook only once the answer is read to its end.
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
