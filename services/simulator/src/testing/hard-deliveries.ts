import { LEAD_NS, planConnection, type Sent } from "../delivery/delivery-plan.ts";
import {
  type Emission,
  type FeedClosed,
  type FeedFrame,
  type FeedOpened,
  type FrameHeader,
  type PlannedWebhook,
  plannedSnapshot,
  plannedUpdate,
  plannedWebhook,
  type SnapshotCompleted,
} from "../delivery/planned-delivery.ts";
import { type Amount, formatAmount, nsOfMs } from "../exact.ts";
import type { HistoryMessage, ZeroHashAccount } from "../history/history.ts";
import { initialBalanceText } from "../history/zero-hash-messages.ts";
import type { Random } from "../random.ts";
import type { HardKnobs } from "./hard-knobs.ts";

export type Listed = Readonly<{ account: ZeroHashAccount; balance: Amount }>;

/** A frame of the feed; `listed` are the accounts that a snapshot's frame names, else null. */
export type HardFrame = FeedFrame & Readonly<{ listed: readonly Listed[] | null }>;
export type HardFeedDelivery = FeedOpened | HardFrame | SnapshotCompleted | FeedClosed;

type FeedPlan = Readonly<{
  feed: string;
  emissions: readonly Emission[];
  /** The accounts with a balance after a step; -1 is before all steps. */
  accountsAfter: (step: number) => readonly Listed[];
  knobs: HardKnobs;
  random: Random;
}>;

/** One client's connections, each with its snapshot, until the end of the world. */
export function* planHardFeed(plan: FeedPlan): Generator<HardFeedDelivery> {
  const { feed, emissions, knobs, random } = plan;
  const firstNs = emissions[0]?.sentNs ?? 0n;
  const endNs = emissions.at(-1)?.sentNs ?? firstNs;
  const skewNs = nsOfMs(knobs.receiverSkewMs);
  const drawLatency = () => nsOfMs(random.between(2, 40));
  let opensNs = firstNs - LEAD_NS;
  if (!knobs.feedsFromStart) opensNs = firstNs + random.bigintBelow(endNs - firstNs + 1n);
  let previous: string | null = null;
  for (let number = 1; ; number += 1) {
    const connection = `${feed}-${number}`;
    const continues = random.chance(knobs.restartRate) ? null : previous;
    const { sent, ...schedule } = drawSchedule(plan, opensNs);
    yield* planConnection(
      { feed, connection, continues, opensNs, skewNs, drawLatency, ...schedule },
      sent,
    );
    if (schedule.closesNs === null) return;
    previous = connection;
    opensNs = schedule.closesNs + nsOfMs(random.between(1, knobs.offlineMs));
  }
}

/** When a connection ends, in the provider's time, and everything that is sent on it. */
type Schedule = Readonly<{
  closesNs: bigint | null;
  snapshotFrames: number;
  sent: readonly Sent<HardFrame>[];
}>;

function drawSchedule(plan: FeedPlan, opensNs: bigint): Schedule {
  const { emissions, accountsAfter, knobs, random } = plan;
  const race = () => nsOfMs(random.between(0, knobs.snapshotRaceMs * 1_000) / 1_000);
  const subscribedNs = opensNs + nsOfMs(random.between(2, 40));
  const takenNs = subscribedNs + race();
  const snapshotNs = takenNs + race();
  // Steps already sent are certainly in it; steps that have happened but are not sent yet may be.
  const sentBefore = emissions.filter(({ sentNs }) => sentNs < takenNs).length - 1;
  const happened = emissions.filter(({ atNs }) => atNs < takenNs).length - 1;
  const afterStep = random.between(sentBefore, Math.max(sentBefore, happened));
  const frames = splitSnapshot(accountsAfter(afterStep), knobs, random);
  const updates = updatesFrom(plan, subscribedNs, snapshotNs);
  const lastFrameNs = snapshotNs + (frames.length > 1 ? nsOfMs(random.between(0, 30)) : 0n);
  const snapshot = frames.map((listed, part) => ({
    sentNs: part === 0 ? snapshotNs : lastFrameNs,
    isSnapshot: true,
    frame: (header: FrameHeader) =>
      snapshotFrame(header, { listed, afterStep, isNull: random.chance(0.5) }),
  }));
  const sent = [...snapshot, ...updates].sort((a, b) => Number(a.sentNs - b.sentNs));
  const dropsNs = drawDropNs(plan, subscribedNs);
  // A connection that ends between the frames of a snapshot does not prove that an account is missing.
  const wholeNs = lastFrameNs + nsOfMs(50);
  const isCut = dropsNs !== null && dropsNs >= snapshotNs && dropsNs <= wholeNs;
  return { closesNs: isCut ? wholeNs : dropsNs, snapshotFrames: frames.length, sent };
}

/** Some servers send updates before the snapshot, others hold them back. */
function updatesFrom(
  { emissions, random }: FeedPlan,
  subscribedNs: bigint,
  snapshotNs: bigint,
): readonly Sent<HardFrame>[] {
  const holdsBack = random.chance(0.5);
  return emissions.flatMap(({ sentNs, messages }) => {
    if (sentNs < subscribedNs) return [];
    const goesOutNs = holdsBack && sentNs < snapshotNs ? snapshotNs : sentNs;
    return messages.map((message) => ({
      sentNs: goesOutNs,
      isSnapshot: false,
      frame: (header: FrameHeader) => ({ ...plannedUpdate(header, message), listed: null }),
    }));
  });
}

function drawDropNs({ emissions, knobs, random }: FeedPlan, fromNs: bigint): bigint | null {
  for (const { sentNs } of emissions) {
    if (sentNs >= fromNs && random.chance(knobs.dropRate))
      return sentNs + nsOfMs(random.between(1, 60));
  }
  return null;
}

function splitSnapshot(
  accounts: readonly Listed[],
  { splitRate }: HardKnobs,
  random: Random,
): readonly (readonly Listed[])[] {
  if (!random.chance(splitRate)) return [accounts];
  const cut = random.between(0, accounts.length);
  return [accounts.slice(0, cut), accounts.slice(cut)];
}

/** A frame without accounts has an empty list, or null. */
export function snapshotFrame(
  header: FrameHeader,
  what: Readonly<{ listed: readonly Listed[]; afterStep: number; isNull: boolean }>,
): HardFrame {
  const { listed, afterStep, isNull } = what;
  const accounts = listed.map(({ account, balance }) => ({
    ...account,
    balance: formatAmount(balance),
  }));
  const print = () => initialBalanceText(listed.length === 0 && isNull ? null : accounts);
  return { ...plannedSnapshot(header, { afterStep, print }), listed };
}

const HOURS_MS = 3_600_000;

/** Every webhook that is not lost, once or twice, some hours late. */
export function* planHardWebhooks(
  emissions: readonly Emission[],
  { knobs, random }: Readonly<{ knobs: HardKnobs; random: Random }>,
): Generator<PlannedWebhook> {
  const lost = drawLostSteps(emissions.length, knobs, random);
  for (const [step, { sentNs, messages }] of emissions.entries()) {
    for (const message of messages) {
      if (lost.has(step) || random.chance(knobs.webhookLossRate)) continue;
      const notificationId = random.uuid();
      yield webhookOf({ message, sentNs, notificationId }, knobs, random);
      if (!random.chance(knobs.repeatRate)) continue;
      const repeatId = random.chance(0.8) ? notificationId : random.uuid();
      yield webhookOf({ message, sentNs, notificationId: repeatId }, knobs, random);
    }
  }
}

function webhookOf(
  what: Readonly<{ message: HistoryMessage; sentNs: bigint; notificationId: string }>,
  knobs: HardKnobs,
  random: Random,
): PlannedWebhook {
  const isLate = random.chance(knobs.lateRate);
  const delayMs = isLate ? random.between(60_000, 6 * HOURS_MS) : random.between(2, 200);
  const sentAtNs = what.sentNs + nsOfMs(knobs.receiverSkewMs);
  const { message, notificationId } = what;
  return plannedWebhook({
    arrivesAtNs: sentAtNs + nsOfMs(delayMs),
    sentAtNs,
    notificationId,
    message,
  });
}

/** Stretches of lost runs, as if the receiver was down for longer than the provider retries. */
function drawLostSteps(count: number, knobs: HardKnobs, random: Random): ReadonlySet<number> {
  const lost = new Set<number>();
  const lose = (first: number, length: number) => {
    for (let step = first; step < first + length; step += 1) lost.add(step);
  };
  for (let burst = 0; burst < knobs.lossBursts; burst += 1) {
    lose(random.below(count), random.between(2, 6));
  }
  if (knobs.losesEnd) {
    const length = random.between(1, 3);
    lose(count - length, length);
  }
  return lost;
}
