import { setTimeout as pause } from "node:timers/promises";
import type { FeedServer } from "./feed-server.ts";
import { createRandom } from "./random.ts";
import {
  ACCOUNT_BALANCE_WEBHOOKS,
  BALANCES_FEED_GENERIC,
  BALANCES_FEED_USE_CASES,
} from "./scenarios/balance-scenarios.ts";
import { LAYER1_DEPOSIT, LAYER1_WITHDRAWAL } from "./scenarios/layer1-scenarios.ts";
import {
  DEPOSIT_STATUS,
  FUND_TRANSACTION,
  PAYMENT_BANK,
  PAYMENT_CRYPTO,
  TRADE_STATUS,
} from "./scenarios/lifecycle-scenarios.ts";
import type { Scenario, ScenarioStep } from "./scenarios/scenario.ts";
import {
  createWebhookSender,
  type Layer1Keys,
  layer1Headers,
  POLICIES,
  type Refusal,
  type WebhookSender,
  type ZeroHashKeys,
  type ZeroHashScheme,
  zeroHashHeaders,
} from "./webhook-sender.ts";

/** What is sent to a running service. Planned deliveries have this form too. */
export type Outgoing =
  | OutgoingHook
  /** Waits until the service's client has subscribed (again). */
  | Readonly<{ kind: "feed-opened"; feed: string }>
  | Readonly<{ kind: "feed-frame"; feed: string; text: string }>
  /** Nothing is sent: the client detects the end of a snapshot by a timeout. */
  | Readonly<{ kind: "snapshot-completed"; feed: string }>
  /** Closes the connection; the client reconnects by itself. */
  | Readonly<{ kind: "feed-closed"; feed: string }>;

export type OutgoingHook = Readonly<{
  kind: "webhook";
  provider: "zerohash" | "layer1";
  payloadType: string;
  body: string;
  notificationId: string | null;
}>;

/** The only feed of a scenario. */
export const SCENARIO_FEED = "feed-1";

export function scenarioDeliveries(scenario: Scenario, seed: number | string = 1): Outgoing[] {
  const random = createRandom(seed, scenario.name);
  const sent = scenario.steps.map((step) => stepDelivery(step, random.uuid()));
  const firstFrame = sent.findIndex(({ kind }) => kind === "feed-frame");
  return firstFrame < 0
    ? sent
    : sent.toSpliced(firstFrame, 0, { kind: "feed-opened", feed: SCENARIO_FEED });
}

function stepDelivery(step: ScenarioStep, notificationId: string): Outgoing {
  switch (step.kind) {
    case "zerohash-webhook": {
      const { payloadType, body } = step;
      return { kind: "webhook", provider: "zerohash", payloadType, body, notificationId };
    }
    case "layer1-webhook": {
      const { body } = step;
      return { kind: "webhook", provider: "layer1", payloadType: "", body, notificationId: null };
    }
    default:
      return { kind: "feed-frame", feed: SCENARIO_FEED, text: step.text };
  }
}

export type PlayTarget = Readonly<{
  /** The addresses of one or more ingestors, such as http://127.0.0.1:8080. */
  baseUrls: readonly string[];
  zeroHashKeys?: ZeroHashKeys;
  layer1Keys?: Layer1Keys;
  /** By feed name. The frames of feeds without a server are skipped. */
  feedServers?: ReadonlyMap<string, FeedServer>;
}>;

export type PlayOptions = Readonly<{
  seed?: number | string;
  /** Which ingestor gets a webhook: one after the other, or a random one. */
  routing?: "round-robin" | "random";
  /** The maximum number of concurrent webhooks; 1 keeps their order. */
  concurrency?: number;
  /** Webhooks started per second; by default as fast as they are answered. */
  ratePerSecond?: number;
  /**
   * Retries as each provider does (Layer1 for a day), not at all, or for some seconds: then a client
   * error ends the play, since the next webhook would get the same answer.
   */
  retries?: "provider" | "seconds" | "none";
  /** Multiplies the pauses between attempts. */
  delayScale?: number;
  /** The schemes with which Zero Hash signs; by default all. */
  schemes?: readonly ZeroHashScheme[];
}>;

export type PlayResult = Readonly<{
  /** Webhooks by outcome: received, or given up. */
  acknowledged: number;
  refused: number;
  attempts: number;
  /** How often each status was answered; "none" counts attempts without an answer. */
  statuses: Readonly<Record<string, number>>;
  /** The error of the last attempt without an answer. */
  failure: string | null;
  /** The answer that ended the play before its end. */
  refusal: Refusal | null;
  frames: number;
  tookMs: number;
}>;

/** Sends all deliveries in order, signed, and returns the result. */
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
      await limiter.whenFree();
      if (tally.isRefused()) break;
      if (delivery.kind !== "webhook") {
        tally.countFrames(await feeds.play(delivery));
        continue;
      }
      await waitForRate();
      limiter.start(async () => tally.countPost(await post(delivery)));
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
  let refusal: Refusal | null = null;
  const statuses: Record<string, number> = {};
  return {
    countFrames(frames: number): void {
      counts.frames += frames;
    },
    countPost(outcome: Awaited<ReturnType<WebhookSender["send"]>>): void {
      const { received, attempts } = outcome;
      counts[received ? "acknowledged" : "refused"] += 1;
      counts.attempts += attempts.length;
      refusal ??= outcome.refusal;
      for (const { status, error } of attempts) {
        failure = error ?? failure;
        const key = String(status ?? "none");
        statuses[key] = (statuses[key] ?? 0) + 1;
      }
    },
    isRefused: () => refusal !== null,
    counted: () => ({ ...counts, statuses, failure, refusal }),
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
        // Each attempt is signed again, so that a late one is not refused as a replay.
        headersOf: () => headersOf(hook, target, options),
      },
      policies[hook.provider],
    );
}

/** Without keys a webhook is sent unsigned, but with its type. */
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
    /** @returns how many frames were sent */
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
          // A close frame, not a reset: what the plan counts as arrived has to arrive.
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
    // Timers have a resolution of 1 ms; late webhooks are sent at once.
    if (earlyMs >= 1) await pause(earlyMs);
  };
}

/** Limits how many tasks run concurrently. */
type Limiter = Readonly<{
  /** Resolves when another task may be started. */
  whenFree: () => Promise<void>;
  /** A task must report its failure itself. */
  start: (task: () => Promise<void>) => void;
  /** Resolves when no task is running. */
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
    whenFree: () => untilBelow(runningMax),
    start(task) {
      running += 1;
      void task().finally(() => {
        running -= 1;
        wake?.();
      });
    },
    whenIdle: () => untilBelow(1),
  };
}

const ALL: readonly Scenario[] = [
  BALANCES_FEED_USE_CASES,
  BALANCES_FEED_GENERIC,
  ACCOUNT_BALANCE_WEBHOOKS,
  FUND_TRANSACTION,
  TRADE_STATUS,
  DEPOSIT_STATUS,
  PAYMENT_CRYPTO,
  PAYMENT_BANK,
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
];

/** Every documented flow by its name. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  ALL.map((scenario) => [scenario.name, scenario]),
);
