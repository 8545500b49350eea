import { type Amount, formatAmount } from "../decimal.ts";
import type {
  FeedClosed,
  FeedFrame,
  FeedOpened,
  SnapshotCompleted,
} from "../delivery/planned-delivery.ts";
import type { HistoryMessage, ZeroHashAccount } from "../history/history.ts";
import { initialBalanceText } from "../history/messages/balance-messages.ts";
import type { Random } from "../random.ts";
import { NS_PER_S, nsOfMs } from "../time.ts";
import type { HardKnobs } from "./hard-knobs.ts";

/** A run's messages, and when the provider sends them out: in the true order, after the run. */
export type HardEmission = Readonly<{
  atNs: bigint;
  sentNs: bigint;
  messages: readonly HistoryMessage[];
}>;

export type Listed = Readonly<{ account: ZeroHashAccount; balance: Amount }>;

/** A frame of the feed; `listed` are the accounts that a snapshot's frame names, else null. */
export type HardFrame = FeedFrame & Readonly<{ listed: readonly Listed[] | null }>;
export type HardFeedDelivery = FeedOpened | HardFrame | SnapshotCompleted | FeedClosed;

export type FeedPlan = Readonly<{
  feed: string;
  emissions: readonly HardEmission[];
  /** The accounts that hold something after a step; -1 is before all steps. */
  accountsAfter: (step: number) => readonly Listed[];
  knobs: HardKnobs;
  random: Random;
}>;

/** A reader takes a snapshot for complete when nothing more of it has come for so long. */
const COMPLETE_AFTER_NS = 2n * NS_PER_S;
const LEAD_NS = 2n * NS_PER_S;

/** One client's connections, each with its snapshot, from the first to the end of the world. */
export function* planHardFeed(plan: FeedPlan): Generator<HardFeedDelivery> {
  const { feed, emissions, knobs, random } = plan;
  const firstNs = emissions[0]?.sentNs ?? 0n;
  const endNs = emissions.at(-1)?.sentNs ?? firstNs;
  let opensNs = firstNs - LEAD_NS;
  if (!knobs.feedsFromStart) opensNs = firstNs + random.bigintBelow(endNs - firstNs + 1n);
  let previous: string | null = null;
  for (let number = 1; ; number += 1) {
    const connection = `${feed}-${number}`;
    const continues = random.chance(knobs.restartRate) ? null : previous;
    const schedule = drawSchedule(plan, opensNs);
    yield* planConnection(plan, schedule, { connection, continues });
    if (schedule.closesNs === null) return;
    previous = connection;
    opensNs = schedule.closesNs + nsOfMs(random.between(1, knobs.offlineMs));
  }
}

/** What the provider puts on a connection: a run's message, or a frame of the snapshot. */
type Sent = Readonly<
  { sentNs: bigint; message: HistoryMessage } | { sentNs: bigint; listed: readonly Listed[] }
>;

/** The instants of one connection, in the provider's time, and all that is sent on it. */
type Schedule = Readonly<{
  opensNs: bigint;
  closesNs: bigint | null;
  sent: readonly Sent[];
  afterStep: number;
  snapshotFrames: number;
}>;

function drawSchedule(plan: FeedPlan, opensNs: bigint): Schedule {
  const { emissions, accountsAfter, knobs, random } = plan;
  const race = () => nsOfMs(random.between(0, knobs.snapshotRaceMs * 1_000) / 1_000);
  const subscribedNs = opensNs + nsOfMs(random.between(2, 40));
  const takenNs = subscribedNs + race();
  const snapshotNs = takenNs + race();
  // What was sent before is surely in it; what has happened and is still to be sent may be.
  const sentBefore = emissions.filter(({ sentNs }) => sentNs < takenNs).length - 1;
  const happened = emissions.filter(({ atNs }) => atNs < takenNs).length - 1;
  const afterStep = random.between(sentBefore, Math.max(sentBefore, happened));
  const frames = splitSnapshot(accountsAfter(afterStep), knobs, random);
  // Some servers send what happens meanwhile before the snapshot, others hold it back.
  const holdsBack = random.chance(0.5);
  const sent: Sent[] = [];
  for (const { sentNs, messages } of emissions) {
    if (sentNs < subscribedNs) continue;
    const goesOutNs = holdsBack && sentNs < snapshotNs ? snapshotNs : sentNs;
    for (const message of messages) sent.push({ sentNs: goesOutNs, message });
  }
  const lastFrameNs = snapshotNs + (frames.length > 1 ? nsOfMs(random.between(0, 30)) : 0n);
  const at = [snapshotNs, lastFrameNs];
  const parts = frames.map((listed, part) => ({ sentNs: at[part] ?? snapshotNs, listed }));
  const ordered = [...parts, ...sent].sort((a, b) => Number(a.sentNs - b.sentNs));
  const dropsNs = drawDropNs(plan, subscribedNs);
  // A connection that ends between the frames of a snapshot proves nothing by what it did not list.
  const wholeNs = lastFrameNs + nsOfMs(50);
  const isCut = dropsNs !== null && dropsNs >= snapshotNs && dropsNs <= wholeNs;
  const closesNs = isCut ? wholeNs : dropsNs;
  return { opensNs, closesNs, sent: ordered, afterStep, snapshotFrames: frames.length };
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

function* planConnection(
  { feed, knobs, random }: FeedPlan,
  { opensNs, closesNs, sent, afterStep, snapshotFrames }: Schedule,
  { connection, continues }: Readonly<{ connection: string; continues: string | null }>,
): Generator<HardFeedDelivery> {
  const skewNs = nsOfMs(knobs.receiverSkewMs);
  const arrives = (ns: bigint) => ({ feed, connection, arrivesAtNs: ns + skewNs });
  yield { kind: "feed-opened", ...arrives(opensNs), atNs: opensNs + skewNs, continues };
  let latestNs = 0n;
  let frame = 0;
  let sentOfSnapshot = 0;
  let completeNs: bigint | null = null;
  for (const item of sent) {
    const arrivesNs = item.sentNs + nsOfMs(random.between(2, 40));
    latestNs = arrivesNs > latestNs ? arrivesNs : latestNs;
    if (closesNs !== null && latestNs > closesNs) break;
    if (completeNs !== null && latestNs > completeNs) {
      yield { kind: "snapshot-completed", ...arrives(completeNs), frames: snapshotFrames };
      completeNs = null;
    }
    frame += 1;
    const header = { feed, connection, frame, arrivesAtNs: latestNs + skewNs };
    if ("message" in item) yield updateFrame(header, item.message);
    else {
      sentOfSnapshot += 1;
      if (sentOfSnapshot === snapshotFrames) completeNs = latestNs + COMPLETE_AFTER_NS;
      yield snapshotFrame(header, { listed: item.listed, afterStep, isNull: random.chance(0.5) });
    }
  }
  if (completeNs !== null) {
    const dueNs = closesNs !== null && closesNs < completeNs ? closesNs : completeNs;
    yield { kind: "snapshot-completed", ...arrives(dueNs), frames: snapshotFrames };
  }
  if (closesNs !== null)
    yield { kind: "feed-closed", ...arrives(closesNs), atNs: closesNs + skewNs };
}

type FrameHeader = Readonly<{
  feed: string;
  connection: string;
  frame: number;
  arrivesAtNs: bigint;
}>;

function updateFrame(header: FrameHeader, message: HistoryMessage): HardFrame {
  return {
    kind: "feed-frame",
    ...header,
    message,
    snapshotAfterStep: null,
    listed: null,
    get text() {
      return message.feed ?? "";
    },
  };
}

/** A frame that lists nobody has an empty list, or none. */
export function snapshotFrame(
  header: FrameHeader,
  what: Readonly<{ listed: readonly Listed[]; afterStep: number; isNull: boolean }>,
): HardFrame {
  const { listed, afterStep, isNull } = what;
  const accounts = listed.map(({ account, balance }) => ({
    ...account,
    balance: formatAmount(balance),
  }));
  const text = initialBalanceText(listed.length === 0 && isNull ? null : accounts);
  return {
    kind: "feed-frame",
    ...header,
    message: null,
    snapshotAfterStep: afterStep,
    listed,
    text,
  };
}
