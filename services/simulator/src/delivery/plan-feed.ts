import type { History, HistoryMessage } from "../history/history.ts";
import { snapshotText } from "../history/messages/balance-messages.ts";
import { createRandom, type Random } from "../random.ts";
import { NS_PER_S, nsOfMs } from "../time.ts";
import {
  type Emission,
  type FeedClosed,
  type FeedDelivery,
  type FeedFrame,
  type FeedOpened,
  type FrameHeader,
  plannedSnapshot,
  plannedUpdate,
  type Range,
  type SnapshotCompleted,
} from "./planned-delivery.ts";

/** How one feed and its receiver behave. */
export type FeedOptions = Readonly<{
  seed: number | string;
  /** How far the receiver's clock is ahead (or behind), -5000 to 5000. */
  receiverSkewMs: number;
  /** Chance, at each feed message of the history, that a feed's connection drops. */
  reconnectRate: number;
  /** How long a feed is away after its connection dropped. */
  offlineMs: Range;
  /** The most that may lie between subscription and snapshot, and between snapshot and sending it. */
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

/** One client's connections from before the first step to behind the last, with their frames. */
export function* planFeed(
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
  /** From here on the provider sends every run to this connection. */
  subscribedNs: bigint;
  /** The snapshot lists the balances of this instant… */
  snapshotTakenNs: bigint;
  /** …but is sent at this one. */
  snapshotSentNs: bigint;
  /** Runs wait until the snapshot is sent, even those that are in it; else they go out at once. */
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

/** What the provider sends on a connection, in order: the snapshot somewhere among the updates. */
function* sentOn({ history, emissions }: FeedPlan, schedule: Schedule): Generator<Sent> {
  const { subscribedNs, snapshotTakenNs, snapshotSentNs, holdsBack } = schedule;
  const afterStep = firstEmissionFrom(emissions, snapshotTakenNs + 1n) - 1;
  const print = () => snapshotText(history, afterStep);
  // Those that wait are still to come at the snapshot; the others have gone before it.
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

/** The index of the first emission at or after a time, by halving. */
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

/** What the provider puts on a connection, and the frame that it becomes where it arrives. */
export type Sent<Frame extends FeedFrame = FeedFrame> = Readonly<{
  sentNs: bigint;
  isSnapshot: boolean;
  frame: (header: FrameHeader) => Frame;
}>;

export type Connection = Readonly<{
  feed: string;
  connection: string;
  /** The connection of the same feed before this one. */
  continues: string | null;
  opensNs: bigint;
  closesNs: bigint | null;
  snapshotFrames: number;
  skewNs: bigint;
  drawLatency: () => bigint;
}>;

/** A reader takes a snapshot for complete when nothing more of it has come for so long. */
const COMPLETE_AFTER_NS = 2n * NS_PER_S;

/** What arrives over one connection, from its opening to its end: in the order in which it was sent. */
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
