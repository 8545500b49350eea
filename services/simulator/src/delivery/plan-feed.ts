import type { History, HistoryMessage } from "../history/history.ts";
import { createRandom, type Random } from "../random.ts";
import { NS_PER_S, nsOfMs } from "../time.ts";
import type { DeliveryOptions } from "./delivery-options.ts";
import { type Emission, firstEmissionFrom } from "./emissions.ts";
import { type FeedDelivery, plannedSnapshot, plannedUpdate } from "./planned-delivery.ts";

const LATENCY_MS = { min: 2, max: 40 };
/** A reader takes a snapshot for complete when nothing more of it has come for so long. */
const COMPLETE_AFTER_NS = 2n * NS_PER_S;
/** The first subscription stands well before the first step. */
const LEAD_NS = 2n * NS_PER_S;

type FeedPlan = Readonly<{
  history: History;
  emissions: readonly Emission[];
  options: DeliveryOptions;
  feed: string;
  random: Random;
}>;

/** One client's connections from before the first step to behind the last, with their frames. */
export function* planFeed(
  history: History,
  emissions: readonly Emission[],
  { options, feed }: Readonly<{ options: DeliveryOptions; feed: string }>,
): Generator<FeedDelivery> {
  const random = createRandom(options.seed, feed);
  const plan = { history, emissions, options, feed, random };
  const endNs = emissions.at(-1)?.atNs ?? history.options.startAtNs;
  let opensNs: bigint | null = history.options.startAtNs - LEAD_NS;
  let previous: string | null = null;
  for (let number = 1; opensNs !== null && opensNs <= endNs; number += 1) {
    const connection = `${feed}-${number}`;
    const schedule = drawSchedule(plan, opensNs);
    yield* planConnection(plan, schedule, { connection, continues: previous });
    previous = connection;
    opensNs = schedule.closesNs === null ? null : schedule.closesNs + drawOfflineNs(plan);
  }
}

/** The instants of one connection, in the provider's time. */
type Schedule = Readonly<{
  opensNs: bigint;
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
      closesNs = emission.atNs + drawLatencyNs(random);
    }
  }
  const holdsBack = random.chance(0.5);
  return { opensNs, subscribedNs, snapshotTakenNs, snapshotSentNs, holdsBack, closesNs };
}

function* planConnection(
  { history, emissions, options, feed, random }: FeedPlan,
  schedule: Schedule,
  { connection, continues }: Readonly<{ connection: string; continues: string | null }>,
): Generator<FeedDelivery> {
  const skewNs = nsOfMs(options.receiverSkewMs);
  const at = (ns: bigint) => ({ feed, connection, atNs: ns + skewNs, arrivesAtNs: ns + skewNs });
  yield { kind: "feed-opened", ...at(schedule.opensNs), continues };
  const afterStep = firstEmissionFrom(emissions, schedule.snapshotTakenNs + 1n) - 1;
  let latestNs = 0n;
  let frame = 0;
  let snapshotNs: bigint | null = null;
  for (const { sentNs, message } of framesOf(emissions, schedule)) {
    const arrivesNs = sentNs + drawLatencyNs(random);
    // One connection delivers in the order in which it was sent to.
    latestNs = arrivesNs > latestNs ? arrivesNs : latestNs;
    if (schedule.closesNs !== null && latestNs > schedule.closesNs) break;
    frame += 1;
    if (message === null) snapshotNs = latestNs;
    const header = { feed, connection, frame, arrivesAtNs: latestNs + skewNs };
    yield message === null
      ? plannedSnapshot(header, { history, afterStep })
      : plannedUpdate(header, message);
  }
  const { closesNs } = schedule;
  if (snapshotNs !== null) {
    const dueNs = snapshotNs + COMPLETE_AFTER_NS;
    const arrivesAtNs = (closesNs !== null && closesNs < dueNs ? closesNs : dueNs) + skewNs;
    yield { kind: "snapshot-completed", feed, connection, arrivesAtNs, frames: 1 };
  }
  if (closesNs !== null) yield { kind: "feed-closed", ...at(closesNs) };
}

/** What the provider sends on a connection, in order; null stands for the snapshot. */
function* framesOf(
  emissions: readonly Emission[],
  schedule: Schedule,
): Generator<Readonly<{ sentNs: bigint; message: HistoryMessage | null }>> {
  let isSnapshotDue = true;
  // Those that wait are still to come at the snapshot; the others have gone before it.
  const snapshotBeforeNs = schedule.holdsBack ? schedule.subscribedNs : schedule.snapshotSentNs;
  for (let index = firstEmissionFrom(emissions, schedule.subscribedNs); ; index += 1) {
    const emission = emissions[index];
    if (isSnapshotDue && (emission === undefined || emission.atNs >= snapshotBeforeNs)) {
      isSnapshotDue = false;
      yield { sentNs: schedule.snapshotSentNs, message: null };
    }
    if (emission === undefined) return;
    const waits = schedule.holdsBack && emission.atNs < schedule.snapshotSentNs;
    const sentNs = waits ? schedule.snapshotSentNs : emission.atNs;
    for (const message of emission.messages) {
      if ("feed" in message) yield { sentNs, message };
    }
  }
}

function isOnFeed({ messages }: Emission): boolean {
  return messages.some((message) => "feed" in message);
}

function drawLatencyNs(random: Random): bigint {
  return nsOfMs(random.between(LATENCY_MS.min * 1_000, LATENCY_MS.max * 1_000) / 1_000);
}

function drawOfflineNs({ options, random }: FeedPlan): bigint {
  return nsOfMs(random.between(options.offlineMs.min, options.offlineMs.max));
}
