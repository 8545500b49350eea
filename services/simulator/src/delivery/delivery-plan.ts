import { NS_PER_S, nsOfMs } from "../exact.ts";
import type { History, HistoryMessage } from "../history/history.ts";
import { snapshotText } from "../history/zero-hash-messages.ts";
import { createRandom, type Random, shuffled } from "../random.ts";
import {
  byArrival,
  type Emission,
  emissionsOf,
  type FeedClosed,
  type FeedDelivery,
  type FeedFrame,
  type FeedOpened,
  type FrameHeader,
  type PlannedDelivery,
  type PlannedWebhook,
  plannedSnapshot,
  plannedUpdate,
  plannedWebhook,
  type Range,
  type SnapshotCompleted,
} from "./planned-delivery.ts";

/** How the network between provider and receiver behaves. */
export type DeliveryOptions = FeedOptions &
  Readonly<{
    /** Chance of a further copy of a webhook, after each copy. */
    webhookRepeatRate: number;
    /** Most delays are close to the minimum; the few long ones let webhooks overtake each other. */
    webhookDelayMs: Range;
    /** Share of messages whose webhooks are all lost. */
    webhookLossRate: number;
    /** Independent clients of the Balances Feed. */
    feeds: number;
  }>;

/** Longer than the time between a run and its latest movement. */
const EMISSION_DELAY_MS = { min: 170, max: 250 };

/**
 * All deliveries with their arrival times on a virtual clock, sorted by arrival; equal options give
 * equal plans. Webhooks overtake each other; the frames of one connection do not.
 */
export function planDeliveries(
  history: History,
  given: Partial<DeliveryOptions> = {},
): readonly PlannedDelivery[] {
  const options = deliveryOptions(given);
  const emissions = emissionsOf(history.steps, options.seed, EMISSION_DELAY_MS);
  const planned: PlannedDelivery[] = [...planWebhooks(emissions, options)];
  for (let number = 1; number <= options.feeds; number += 1) {
    const feed = `feed-${number}`;
    for (const delivery of planFeed(history, emissions, { options, feed })) planned.push(delivery);
  }
  return planned.sort(byArrival);
}

const DEFAULTS: DeliveryOptions = {
  seed: 1,
  webhookRepeatRate: 0.05,
  webhookDelayMs: { min: 5, max: 30_000 },
  webhookLossRate: 0,
  receiverSkewMs: 0,
  feeds: 1,
  reconnectRate: 0.01,
  offlineMs: { min: 100, max: 5_000 },
  snapshotRaceMs: 400,
};

function deliveryOptions(given: Partial<DeliveryOptions>): DeliveryOptions {
  const options = { ...DEFAULTS, ...given };
  if (Math.abs(options.receiverSkewMs) > 5_000) {
    throw new RangeError("receiverSkewMs is beyond 5 s, for which nothing is guaranteed");
  }
  return options;
}

/** The provider gives up after some attempts, which limits the copies. */
const COPIES_MAX = 6;
const SHARE_NEW_NOTIFICATION = 0.2;

/** Every webhook that is not lost, once or several times, each after its delay. */
function planWebhooks(
  emissions: readonly Emission[],
  options: DeliveryOptions,
): readonly PlannedWebhook[] {
  const random = createRandom(options.seed, "webhooks");
  const skewNs = nsOfMs(options.receiverSkewMs);
  const planned: PlannedWebhook[] = [];
  for (const { sentNs, messages } of emissions) {
    for (const message of messages) {
      if (!("webhook" in message) || random.chance(options.webhookLossRate)) continue;
      const isNumbered = message.provider === "zerohash";
      let notificationId = isNumbered ? random.uuid() : null;
      const sentAtNs = sentNs + skewNs;
      for (let copies = 1; copies <= COPIES_MAX; copies += 1) {
        const arrivesAtNs = sentAtNs + nsOfMs(drawDelayMs(options.webhookDelayMs, random));
        planned.push(plannedWebhook({ arrivesAtNs, sentAtNs, notificationId, message }));
        if (!random.chance(options.webhookRepeatRate)) break;
        // A repeat usually, but not always, has the notification id of the first copy.
        if (isNumbered && random.chance(SHARE_NEW_NOTIFICATION)) notificationId = random.uuid();
      }
    }
  }
  return planned;
}

/** A delay between minimum and maximum over all magnitudes, most of them close to the minimum. */
function drawDelayMs({ min, max }: Range, random: Random): number {
  const least = Math.max(min, 0.001);
  const unit = random.uint32() / 0x1_0000_0000;
  return least * (Math.max(max, least) / least) ** (unit * unit * unit);
}

/**
 * Another order of recording: webhooks in any order and anywhere between the frames, while each
 * feed keeps its order. Arrival times do not change, so they no longer rise.
 */
export function shuffleDeliveries<D extends Readonly<{ kind: string; feed?: string }>>(
  deliveries: readonly D[],
  seed: number | string,
): readonly D[] {
  const random = createRandom(seed, "shuffle");
  const lanes = Map.groupBy(deliveries, ({ kind, feed }) =>
    kind === "webhook" ? "" : (feed ?? ""),
  );
  lanes.set("", shuffled(lanes.get("") ?? [], random));
  const order = [...lanes].flatMap(([lane, list]) => list.map(() => lane));
  const positions = new Map<string, number>();
  return shuffled(order, random).map((lane) => {
    const position = positions.get(lane) ?? 0;
    positions.set(lane, position + 1);
    return lanes.get(lane)?.[position] as D;
  });
}

/** How one feed and its receiver behave. */
type FeedOptions = Readonly<{
  seed: number | string;
  /** How far the receiver's clock is ahead, -5000 to 5000. */
  receiverSkewMs: number;
  /** Chance, at each feed message of the history, that a feed's connection drops. */
  reconnectRate: number;
  /** How long a feed is offline after its connection dropped. */
  offlineMs: Range;
  /** The maximum time between subscription and snapshot, and between snapshot and sending it. */
  snapshotRaceMs: number;
}>;

/** The first subscription comes well before the first step. */
export const LEAD_NS = 2n * NS_PER_S;

type FeedPlan = Readonly<{
  history: History;
  emissions: readonly Emission[];
  options: FeedOptions;
  random: Random;
}>;

/** One client's connections from before the first step until after the last, with their frames. */
function* planFeed(
  history: History,
  emissions: readonly Emission[],
  { options, feed }: Readonly<{ options: FeedOptions; feed: string }>,
): Generator<FeedDelivery> {
  const random = createRandom(options.seed, feed);
  const plan = { history, emissions, options, random };
  const endNs = emissions.at(-1)?.sentNs ?? history.options.startAtNs;
  const skewNs = nsOfMs(options.receiverSkewMs);
  const drawLatency = () => drawLatencyNs(random);
  let opensNs: bigint | null = history.options.startAtNs - LEAD_NS;
  let continues: string | null = null;
  for (let number = 1; opensNs !== null && opensNs <= endNs; number += 1) {
    const connection = `${feed}-${number}`;
    const schedule = drawSchedule(plan, opensNs);
    const { closesNs } = schedule;
    yield* planConnection(
      { feed, connection, continues, opensNs, closesNs, snapshotFrames: 1, skewNs, drawLatency },
      sentOn(plan, schedule),
    );
    continues = connection;
    opensNs = closesNs === null ? null : closesNs + drawOfflineNs(plan);
  }
}

/** The instants of one connection, in the provider's time. */
type Schedule = Readonly<{
  /** The provider sends every run from here on to this connection. */
  subscribedNs: bigint;
  /** The snapshot lists the balances of this instant. */
  snapshotTakenNs: bigint;
  /** When the snapshot is sent. */
  snapshotSentNs: bigint;
  /** Whether runs wait until the snapshot is sent, even those that are in it. */
  holdsBack: boolean;
  closesNs: bigint | null;
}>;

function drawSchedule({ emissions, options, random }: FeedPlan, opensNs: bigint): Schedule {
  const race = () => nsOfMs(random.below(options.snapshotRaceMs * 1_000 + 1) / 1_000);
  const subscribedNs = opensNs + drawLatencyNs(random);
  const snapshotTakenNs = subscribedNs + race();
  const snapshotSentNs = snapshotTakenNs + race();
  const first = firstEmissionFrom(emissions, subscribedNs);
  let closesNs: bigint | null = null;
  for (let index = first; index < emissions.length && closesNs === null; index += 1) {
    const emission = emissions[index];
    if (emission !== undefined && isOnFeed(emission) && random.chance(options.reconnectRate)) {
      closesNs = emission.sentNs + drawLatencyNs(random);
    }
  }
  const holdsBack = random.chance(0.5);
  return { subscribedNs, snapshotTakenNs, snapshotSentNs, holdsBack, closesNs };
}

/** What the provider sends on a connection, in order: the updates, with the snapshot among them. */
function* sentOn({ history, emissions }: FeedPlan, schedule: Schedule): Generator<Sent> {
  const { subscribedNs, snapshotTakenNs, snapshotSentNs, holdsBack } = schedule;
  const afterStep = firstEmissionFrom(emissions, snapshotTakenNs + 1n) - 1;
  const print = () => snapshotText(history, afterStep);
  // If updates are held back, all of them follow the snapshot; otherwise some are sent before it.
  const snapshotBeforeNs = holdsBack ? subscribedNs : snapshotSentNs;
  let isSnapshotDue = true;
  for (let index = firstEmissionFrom(emissions, subscribedNs); ; index += 1) {
    const emission = emissions[index];
    if (isSnapshotDue && (emission === undefined || emission.sentNs >= snapshotBeforeNs)) {
      isSnapshotDue = false;
      const frame = (header: FrameHeader) => plannedSnapshot(header, { afterStep, print });
      yield { sentNs: snapshotSentNs, isSnapshot: true, frame };
    }
    if (emission === undefined) return;
    const waits = holdsBack && emission.sentNs < snapshotSentNs;
    const sentNs = waits ? snapshotSentNs : emission.sentNs;
    for (const message of emission.messages) {
      if ("feed" in message) yield sentUpdate(sentNs, message);
    }
  }
}

function sentUpdate(sentNs: bigint, message: HistoryMessage): Sent {
  return { sentNs, isSnapshot: false, frame: (header) => plannedUpdate(header, message) };
}

/** The index of the first emission at or after a time, by binary search. */
function firstEmissionFrom(emissions: readonly Emission[], fromNs: bigint): number {
  let low = 0;
  let high = emissions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const emission = emissions[middle];
    if (emission !== undefined && emission.sentNs < fromNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOnFeed({ messages }: Emission): boolean {
  return messages.some((message) => "feed" in message);
}

const LATENCY_MS = { min: 2, max: 40 };

function drawLatencyNs(random: Random): bigint {
  return nsOfMs(random.between(LATENCY_MS.min * 1_000, LATENCY_MS.max * 1_000) / 1_000);
}

function drawOfflineNs({ options, random }: FeedPlan): bigint {
  return nsOfMs(random.between(options.offlineMs.min, options.offlineMs.max));
}

/** Something that the provider sends on a connection, and the frame as which it arrives. */
export type Sent<Frame extends FeedFrame = FeedFrame> = Readonly<{
  sentNs: bigint;
  isSnapshot: boolean;
  frame: (header: FrameHeader) => Frame;
}>;

type Connection = Readonly<{
  feed: string;
  connection: string;
  /** The previous connection of the same feed. */
  continues: string | null;
  opensNs: bigint;
  closesNs: bigint | null;
  snapshotFrames: number;
  skewNs: bigint;
  drawLatency: () => bigint;
}>;

/** A reader regards a snapshot as complete if no frame of it has arrived for this long. */
const COMPLETE_AFTER_NS = 2n * NS_PER_S;

/** What arrives over one connection, from its opening to its end, in the order of sending. */
export function* planConnection<Frame extends FeedFrame>(
  {
    feed,
    connection,
    continues,
    opensNs,
    closesNs,
    snapshotFrames,
    skewNs,
    drawLatency,
  }: Connection,
  sent: Iterable<Sent<Frame>>,
): Generator<FeedOpened | Frame | SnapshotCompleted | FeedClosed> {
  const at = (ns: bigint) => ({ feed, connection, arrivesAtNs: ns + skewNs });
  yield { kind: "feed-opened", ...at(opensNs), atNs: opensNs + skewNs, continues };
  let latestNs = 0n;
  let frames = 0;
  let missing = snapshotFrames;
  let snapshotNs: bigint | null = null;
  for (const { sentNs, isSnapshot, frame } of sent) {
    const arrivesNs = sentNs + drawLatency();
    latestNs = arrivesNs > latestNs ? arrivesNs : latestNs;
    if (closesNs !== null && latestNs > closesNs) break;
    frames += 1;
    yield frame({ ...at(latestNs), frame: frames });
    if (isSnapshot) missing -= 1;
    if (isSnapshot && missing === 0) snapshotNs = latestNs;
  }
  if (snapshotNs !== null) {
    const dueNs = snapshotNs + COMPLETE_AFTER_NS;
    const endNs = closesNs !== null && closesNs < dueNs ? closesNs : dueNs;
    yield { kind: "snapshot-completed", ...at(endNs), frames: snapshotFrames };
  }
  if (closesNs !== null) {
    yield { kind: "feed-closed", ...at(closesNs), atNs: closesNs + skewNs };
  }
}
