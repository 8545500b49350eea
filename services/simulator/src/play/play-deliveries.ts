import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import type { FeedServer } from "../feed-server.ts";
import { createRandom } from "../random.ts";
import {
  type Layer1Keys,
  layer1Headers,
  type ZeroHashKeys,
  type ZeroHashScheme,
  zeroHashHeaders,
} from "../webhook-signatures.ts";
import type { Outgoing, OutgoingHook } from "./outgoing.ts";

export type PlayTarget = Readonly<{
  /** Of one or more ingestors, such as http://127.0.0.1:8080. */
  baseUrls: readonly string[];
  zeroHashKeys?: ZeroHashKeys;
  layer1Keys?: Layer1Keys;
  /** By the name of the feed. The frames of feeds without a server are skipped. */
  feedServers?: ReadonlyMap<string, FeedServer>;
}>;

export type PlayOptions = Readonly<{
  seed?: number | string;
  /** Which ingestor gets a webhook: one after the other, or a random one. */
  routing?: "round-robin" | "random";
  /** Webhooks under way at a time; 1 keeps their order. */
  concurrency?: number;
  /** Webhooks begun per second; as fast as they are answered unless given. */
  ratePerSecond?: number;
  /** As each provider does (Layer1 for a day), for some seconds, or not at all. */
  retries?: "provider" | "seconds" | "none";
  /** Multiplies the pauses between attempts. */
  delayScale?: number;
  /** How Zero Hash signs: with all its schemes unless given. */
  schemes?: readonly ZeroHashScheme[];
}>;

export type PlayResult = Readonly<{
  /** Webhooks by their end: received, or given up. */
  acknowledged: number;
  refused: number;
  attempts: number;
  /** How often each status came; "none" where no answer did. */
  statuses: Readonly<Record<string, number>>;
  /** Why the last attempt without an answer had none. */
  failure: string | null;
  frames: number;
  tookMs: number;
}>;

/** Sends everything in its order, signed, and returns what became of it. */
export async function playDeliveries(
  deliveries: Iterable<Outgoing> | AsyncIterable<Outgoing>,
  target: PlayTarget,
  options: PlayOptions = {},
): Promise<PlayResult> {
  const concurrency = options.concurrency ?? 16;
  const sender = createWebhookSender({
    connectionsMax: concurrency,
    delayScale: options.delayScale ?? 1,
  });
  const limiter = createLimiter(concurrency);
  const tally = createTally();
  const post = createPoster(sender, target, options);
  const feeds = createFeedPlayer(target.feedServers ?? new Map());
  const waitForRate = createPacer(options.ratePerSecond);
  const startedAtMs = performance.now();
  try {
    for await (const delivery of deliveries) {
      if (delivery.kind !== "webhook") {
        tally.countFrames(await feeds.play(delivery));
        continue;
      }
      await waitForRate();
      await limiter.start(async () => tally.countPost(await post(delivery)));
    }
    await limiter.whenIdle();
  } finally {
    sender.close();
  }
  return { ...tally.counted(), tookMs: performance.now() - startedAtMs };
}

function createTally() {
  const counts = { acknowledged: 0, refused: 0, attempts: 0, frames: 0 };
  let failure: string | null = null;
  const statuses: Record<string, number> = {};
  return {
    countFrames(frames: number): void {
      counts.frames += frames;
    },
    countPost({ received, attempts }: Awaited<ReturnType<WebhookSender["send"]>>): void {
      counts[received ? "acknowledged" : "refused"] += 1;
      counts.attempts += attempts.length;
      for (const { status, error } of attempts) {
        failure = error ?? failure;
        const key = String(status ?? "none");
        statuses[key] = (statuses[key] ?? 0) + 1;
      }
    },
    counted: () => ({ ...counts, statuses, failure }),
  };
}

function createPoster(sender: WebhookSender, target: PlayTarget, options: PlayOptions) {
  const random = createRandom(options.seed ?? 1, "routing");
  let posted = 0;
  const nextBaseUrl = () => {
    if (options.routing === "random") return random.pick(target.baseUrls);
    posted += 1;
    return target.baseUrls[(posted - 1) % target.baseUrls.length];
  };
  const policies = POLICIES[options.retries ?? "provider"];
  return (hook: OutgoingHook) =>
    sender.send(
      {
        url: `${nextBaseUrl()}/webhooks/${hook.provider}`,
        body: hook.body,
        // Each attempt is signed anew, so that a late one is not taken for a replay.
        headersOf: () => headersOf(hook, target, options),
      },
      policies[hook.provider],
    );
}

/** Without keys a webhook goes out unsigned, yet with its type. */
function headersOf(hook: OutgoingHook, target: PlayTarget, options: PlayOptions) {
  const { body, payloadType, notificationId, provider } = hook;
  if (provider === "layer1") {
    return target.layer1Keys === undefined
      ? { "content-type": "application/json" }
      : layer1Headers(body, target.layer1Keys);
  }
  const timestampMs = Date.now();
  const envelope = { body, payloadType, notificationId: notificationId ?? "", timestampMs };
  return zeroHashHeaders(envelope, target.zeroHashKeys ?? {}, options.schemes);
}

function createFeedPlayer(servers: ReadonlyMap<string, FeedServer>) {
  const subscriptions = new Map<string, number>();
  return {
    /** Answers how many frames went out. */
    async play(delivery: Exclude<Outgoing, OutgoingHook>): Promise<number> {
      const server = servers.get(delivery.feed);
      if (server === undefined) return 0;
      switch (delivery.kind) {
        case "feed-opened": {
          const nth = (subscriptions.get(delivery.feed) ?? 0) + 1;
          subscriptions.set(delivery.feed, nth);
          await server.waitForSubscription(nth);
          return 0;
        }
        case "snapshot-completed":
          return 0;
        case "feed-closed":
          // In due form: what the plan counts as arrived has to arrive.
          server.close();
          return 0;
        default:
          return server.push(delivery.text) > 0 ? 1 : 0;
      }
    },
  };
}

function createPacer(ratePerSecond: number | undefined): () => Promise<void> {
  const startedAtMs = performance.now();
  let started = 0;
  return async () => {
    if (ratePerSecond === undefined) return;
    const dueMs = startedAtMs + (started * 1_000) / ratePerSecond;
    started += 1;
    const earlyMs = dueMs - performance.now();
    // Timers are no finer than this; what is late catches up by itself.
    if (earlyMs >= 1) await pause(earlyMs);
  };
}

/** Starts tasks so that no more than a number of them run at a time. */
type Limiter = Readonly<{
  /** Resolves when the task has been started; a task must report its failure itself. */
  start: (task: () => Promise<void>) => Promise<void>;
  /** Resolves when nothing runs any more. */
  whenIdle: () => Promise<void>;
}>;

function createLimiter(runningMax: number): Limiter {
  let running = 0;
  let wake: (() => void) | null = null;
  const untilBelow = async (limit: number) => {
    while (running >= limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  };
  return {
    async start(task) {
      await untilBelow(runningMax);
      running += 1;
      void task().finally(() => {
        running -= 1;
        wake?.();
      });
    },
    whenIdle: () => untilBelow(1),
  };
}

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

const SOME_SECONDS: RetryPolicy = {
  ...LAYER1_RETRIES,
  delaysMs: ZEROHASH_RETRIES.delaysMs,
};

const POLICIES = {
  provider: { zerohash: ZEROHASH_RETRIES, layer1: LAYER1_RETRIES },
  seconds: { zerohash: ZEROHASH_RETRIES, layer1: SOME_SECONDS },
  none: { zerohash: NO_RETRIES, layer1: NO_RETRIES },
} as const;

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
