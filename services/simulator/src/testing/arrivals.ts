import type { PlannedWebhook } from "../delivery/planned-delivery.ts";
import { type Amount, NS_PER_MS, NS_PER_S, NS_PER_US } from "../exact.ts";
import type { BalanceReport, HistoryMessage } from "../history/history.ts";
import type { HardFrame } from "./hard-deliveries.ts";
import type { HardAccount, HardDelivery } from "./hard-world.ts";

/** What a reader knows of one run on one account. */
export type ArrivedReport = Readonly<{
  message: HistoryMessage;
  runId: number;
  /** null if no movement was reported: the balance before is unknown. */
  before: Amount | null;
  after: Amount;
  /** When the run took effect, by its printed times and the sockets' order. */
  atNs: bigint;
  /** The effective time without the sockets' order. */
  ownNs: bigint;
  /** Whether a possible time was printed; otherwise the arrival time is used. */
  isPrinted: boolean;
  /** Whether its time is the arrival time, not moved by a socket's order. */
  isUndated: boolean;
  /** The index of its first arrival in the plan. */
  index: number;
  /** The run that a socket delivered before it, against the order of their times. */
  follows: HistoryMessage | null;
}>;

/** What a snapshot that covers the account states about it. */
export type ArrivedSnapshot = Readonly<{
  /** null if the account is not listed: its balance is zero. */
  balance: Amount | null;
  /** The index at which its connection was opened: everything that arrived before is in it. */
  openedIndex: number;
  openedNs: bigint;
  /** The index at which it was complete. */
  completedIndex: number;
  arrivedNs: bigint;
}>;

export type Arrivals = Readonly<{
  reports: readonly ArrivedReport[];
  snapshots: readonly ArrivedSnapshot[];
}>;

const EARLIEST_NS = 365n * 86_400n * NS_PER_S;
/** A time further ahead of its arrival is impossible. */
const AHEAD_NS_MAX = 60n * NS_PER_S;

/** Everything that arrived about an account, in the order of first arrival. */
export function arrivalsOf(account: HardAccount, plan: readonly HardDelivery[]): Arrivals {
  const sessions = sessionsOf(plan);
  const own = new Set(account.reports.map(({ message }) => message));
  const copies = new Map<HistoryMessage, Copy[]>();
  for (const [index, delivery] of plan.entries()) {
    if (delivery.kind !== "webhook" && delivery.kind !== "feed-frame") continue;
    const { message } = delivery;
    if (message === null || !own.has(message)) continue;
    copies.set(message, [...(copies.get(message) ?? []), { index, delivery }]);
  }
  const moved = movedBySockets(copies, sessions);
  const reports = account.reports.flatMap(({ message, change, balanceAfter }) => {
    const [first, ...others] = copies.get(message) ?? [];
    const { report } = message;
    if (first === undefined || report === undefined) return [];
    const dated = timeOf(report, [first, ...others]);
    const move = moved.get(message);
    const isMoved = move !== undefined && move.notBeforeNs > dated.atNs;
    return {
      message,
      runId: Number(report.run.runId),
      before: report.movements.length === 0 ? null : balanceAfter - change,
      after: balanceAfter,
      atNs: isMoved ? move.notBeforeNs : dated.atNs,
      ownNs: dated.atNs,
      isPrinted: dated.isPrinted,
      isUndated: !dated.isPrinted && !isMoved,
      index: first.index,
      follows: isMoved ? move.follows : null,
    };
  });
  return { reports, snapshots: snapshotsOf(account, plan) };
}

type Copy = Readonly<{ index: number; delivery: PlannedWebhook | HardFrame }>;
type Dated = Readonly<{ atNs: bigint; isPrinted: boolean }>;

/** The latest movement's time, else the run's, else the arrival's, from the most precise copy. */
function timeOf(report: BalanceReport, copies: readonly Copy[]): Dated {
  const arrivedNs = copies[0]?.delivery.arrivesAtNs ?? 0n;
  const isOnFeed = copies.some(({ delivery }) => delivery.kind === "feed-frame");
  const webhookUnitNs = report.isInSeconds ? NS_PER_S : NS_PER_MS;
  const unitNs = isOnFeed ? NS_PER_US : webhookUnitNs;
  const printed = [report.movements.at(-1)?.atNs ?? 0n, report.run.atNs];
  for (const atNs of printed) {
    const readNs = atNs - (atNs % unitNs);
    if (readNs >= EARLIEST_NS && readNs <= arrivedNs + AHEAD_NS_MAX) {
      return { atNs: readNs, isPrinted: true };
    }
  }
  return { atNs: arrivedNs, isPrinted: false };
}

type Move = Readonly<{ notBeforeNs: bigint; follows: HistoryMessage }>;
type Highest = Readonly<{ atNs: bigint; message: HistoryMessage }>;

/**
 * A socket delivers an account's runs in their true order: a run that is dated no later than an
 * earlier frame of its session took effect after that frame's run.
 */
function movedBySockets(
  copies: ReadonlyMap<HistoryMessage, readonly Copy[]>,
  sessions: ReadonlyMap<string, string>,
): ReadonlyMap<HistoryMessage, Move> {
  const frames = [...copies].flatMap(([message, list]) =>
    list.flatMap((copy) => (copy.delivery.kind === "feed-frame" ? [{ message, copy }] : [])),
  );
  frames.sort((a, b) => a.copy.index - b.copy.index);
  const seen = new Set<string>();
  const highest = new Map<string, Highest>();
  const moved = new Map<HistoryMessage, Move>();
  for (const { message, copy } of frames) {
    if (copy.delivery.kind !== "feed-frame" || message.report === undefined) continue;
    const session = sessions.get(copy.delivery.connection) ?? "";
    // A run that is repeated after a reconnect proves nothing about the order.
    const sessionRun = `${session} ${message.report.run.runId}`;
    if (seen.has(sessionRun)) continue;
    seen.add(sessionRun);
    const { atNs } = timeOf(message.report, [copy]);
    const before = highest.get(session);
    const isBehind = before !== undefined && atNs <= before.atNs;
    const orderedNs = isBehind ? before.atNs + 1n : atNs;
    highest.set(session, { atNs: orderedNs, message });
    const known = moved.get(message);
    if (isBehind && orderedNs > (known?.notBeforeNs ?? 0n)) {
      moved.set(message, { notBeforeNs: orderedNs, follows: before.message });
    }
  }
  return moved;
}

/** For each connection the first connection of its session. */
function sessionsOf(plan: readonly HardDelivery[]): ReadonlyMap<string, string> {
  const sessions = new Map<string, string>();
  for (const delivery of plan) {
    if (delivery.kind !== "feed-opened") continue;
    const { connection, continues } = delivery;
    const before = continues === null ? undefined : sessions.get(continues);
    sessions.set(connection, before ?? connection);
  }
  return sessions;
}

/**
 * Snapshots that list the account, or cover it because they or an earlier one name its holder. A
 * snapshot without the account no longer matters if one that was opened later lists it.
 */
function snapshotsOf(
  { account }: HardAccount,
  plan: readonly HardDelivery[],
): readonly ArrivedSnapshot[] {
  const opened = new Map<string, Readonly<{ index: number; ns: bigint }>>();
  const framesByConnection = new Map<string, HardFrame[]>();
  const snapshots: ArrivedSnapshot[] = [];
  let isCovered = false;
  for (const [index, delivery] of plan.entries()) {
    if (delivery.kind === "feed-opened") {
      opened.set(delivery.connection, { index, ns: delivery.arrivesAtNs });
    }
    if (delivery.kind === "feed-frame" && delivery.listed !== null) {
      const { connection, listed } = delivery;
      framesByConnection.set(connection, [...(framesByConnection.get(connection) ?? []), delivery]);
      isCovered ||= listed.some(({ account: { accountGroup, participantCode } }) => {
        return accountGroup === account.accountGroup || participantCode === account.participantCode;
      });
    }
    if (delivery.kind !== "snapshot-completed") continue;
    const { index: openedIndex = 0, ns: openedNs = 0n } = opened.get(delivery.connection) ?? {};
    const frames = framesByConnection.get(delivery.connection) ?? [];
    const naming = frames.find(({ listed }) => listed?.some(isOf(account)));
    const balance = naming?.listed?.find(isOf(account))?.balance ?? null;
    const arrivedNs = (naming ?? frames.at(-1))?.arrivesAtNs ?? delivery.arrivesAtNs;
    if (balance === null && !isCovered) continue;
    snapshots.push({ balance, openedIndex, openedNs, completedIndex: index, arrivedNs });
  }
  const listing = snapshots.filter(({ balance }) => balance !== null);
  const lastListed = Math.max(-1, ...listing.map(({ openedIndex }) => openedIndex));
  return snapshots.filter(
    ({ balance, openedIndex }) => balance !== null || openedIndex > lastListed,
  );
}

const isOf =
  (account: HardAccount["account"]) =>
  (listed: Readonly<{ account: HardAccount["account"] }>): boolean =>
    listed.account.accountId === account.accountId;
