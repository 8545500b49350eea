import { add, equals, type Money, moneyIn, moneyOf, subtract, within } from "../exact/money.ts";
import { type Nanos, parseTime } from "../exact/time.ts";
import {
  accountIdsOf,
  type FactState,
  firstArrivalOf,
  followedRun,
  heldFrom,
  inForce,
  notBeforeOf,
} from "../ingest/fact-state.ts";
import {
  type EffectiveTime,
  effectiveTime,
  type StatedTime,
  statedTime,
} from "./effective-time.ts";

/**
 * One entry of an account's history: a run on the account, the funds of a Layer1 message, or a
 * snapshot whose balance nothing before it explains. `EntryFacts` is a function of its facts,
 * `EntryPlace` of its place in the history.
 */
export type Entry = EntryFacts & EntryPlace;

type EntryFacts = Readonly<{
  kind: "run" | "snapshot";
  /** The run's id; Layer1: the envelope's time; snapshot: connection and frame. */
  key: string;
  /** The run's id as the provider's counter, compared as text. */
  counter: string;
  /** The reported balance with its amendments; null if only movements were recorded. */
  report: FactState | null;
  movements: MovementSum;
  runType: string | null;

  /** Sum of the movements, or Layer1's delta; null if none is known, zero for a snapshot. */
  change: Money | null;
  /** null if none is reported. */
  balance: Money | null;
  /** For Layer1's BLOCKCHAIN: the sum of the other funds of its message. */
  expected: Money | null;
  /** The provider's account ids in its facts, as reported. */
  accountIds: readonly string[];
  /** Number of its facts with a contradicting copy. */
  contradictions: number;

  /** As the provider printed it; null if it gave no time. */
  occurredAt: Nanos | null;
  effectiveAt: Nanos;
  /** The effective time before the order of its socket moved it. */
  ownAt: Nanos;
  /** It has the time of its arrival, since the provider gave none. */
  isUndated: boolean;
  /** The run that its socket reported before it, if their times do not show that order. */
  follows: string | null;
  /** An impossible time printed in one of its facts; null if there is none. */
  impossibleAt: Nanos | null;
  /** The earliest arrival of its facts, and the lowest position of one. */
  arrivedAt: Nanos;
  recordedAt: number;
  /**
   * For a snapshot: the position where its feed was opened. Everything recorded before is included.
   */
  openedAt: number;
  deliveryId: string | null;
}>;

export type EntryPlace = Readonly<{
  /**
   * Entries are ordered by these three. The order of ambiguous reports comes from `ordering.ts`.
   */
  placedAt: Nanos;
  rank: number;
  mark: string;
  joined: Joined;
  /** The balance after it; `runningOfRuns` is that of the runs alone, which no snapshot changes. */
  running: Money | null;
  runningOfRuns: Money | null;
  /** The amount missing before it; null if there is none. */
  missing: Money | null;
  /** Id of the entry before the gap. */
  missingAfter: string | null;
  /** The balance before the account's first report, if it is not zero. */
  opening: Money | null;
  late: boolean;
  /** The event that last changed it. */
  position: number;
}>;

/**
 * How an entry relates to the one before it: it starts a cluster, continues one, or lies in a
 * cluster that is too large to be ordered as a whole.
 */
export const CLUSTER_START = 0;
export const IN_CLUSTER = 1;
export const IN_LARGE_CLUSTER = 2;
export type Joined = typeof CLUSTER_START | typeof IN_CLUSTER | typeof IN_LARGE_CLUSTER;

/** The sum of the movements of one run on one account. */
export type MovementSum = Readonly<{
  count: number;
  change: Money | null;
  /** The latest time among them, and how many have it (a lower bound if it was looked up). */
  latestAt: Nanos | null;
  latestCount: number;
  /** How many have an impossible printed time, and one such time. */
  impossible: number;
  impossibleAt: Nanos | null;
  contradictions: number;
  /** How many were corrected after they were first recorded. */
  corrected: number;
  runType: string | null;
}>;

export const NO_MOVEMENTS: MovementSum = {
  count: 0,
  change: null,
  latestAt: null,
  latestCount: 0,
  impossible: 0,
  impossibleAt: null,
  contradictions: 0,
  corrected: 0,
  runType: null,
};

/** Layer1 rounds its deltas: a printed example is 2.8125e-19 off. */
const LAYER1_TOLERANCE = moneyOf("0.000000000000000001");

/** The id of an entry within its account. */
export const entryId = ({ kind, key }: Pick<Entry, "kind" | "key">): string => `${kind}:${key}`;

/**
 * The provider's run counter in a form that is compared as text: the length of the run's id, then
 * the id itself. Layer1 has no counter, so its message's time is used. Any text may be an id.
 */
export function counterOf(key: string): string {
  const time = ISO_TIME.test(key) ? parseTime(key) : null;
  if (time !== null) return String(time).padStart(20, "0");
  const text = /^[\x21-\x7e]*$/.test(key) ? key : encodeURIComponent(key.toWellFormed());
  return String(key.length).padStart(4, "0") + text;
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

const UNPLACED: EntryPlace = {
  placedAt: 0n,
  rank: 0,
  mark: "",
  joined: CLUSTER_START,
  running: null,
  runningOfRuns: null,
  missing: null,
  missingAfter: null,
  opening: null,
  late: false,
  position: 0,
};

/** An entry for which nothing is reported yet. */
export function newEntry(kind: Entry["kind"], key: string): Entry {
  return {
    kind,
    key,
    counter: kind === "run" ? counterOf(key) : "",
    report: null,
    movements: NO_MOVEMENTS,
    runType: null,
    change: null,
    balance: null,
    expected: null,
    accountIds: [],
    contradictions: 0,
    occurredAt: null,
    effectiveAt: 0n,
    ownAt: 0n,
    isUndated: true,
    follows: null,
    impossibleAt: null,
    arrivedAt: 0n,
    recordedAt: 0,
    openedAt: 0,
    deliveryId: null,
    ...UNPLACED,
  };
}

/** Whether any of its facts is in force. */
export const hasFacts = ({ report, movements }: EntryFacts): boolean =>
  movements.count > 0 || (report !== null && !report.withdrawn);

/** The entry with another state of its reported balance. @param report null if it was withdrawn */
export function withReport(entry: Entry, report: FactState | null): Entry {
  if (report === null) return derive({ ...entry, report });
  const arrived = withArrival(entry, report);
  return derive({ ...arrived, report, deliveryId: report.deliveryId ?? arrived.deliveryId });
}

/**
 * The entry after a movement changed.
 *
 * @param before null if the movement is new to the entry
 * @param after null if the movement is no longer in force
 * @param latestOther the latest time of the run's other movements, if it was looked up
 * @returns null if `latestOther` has to be looked up
 */
export function withMovement(
  entry: Entry,
  before: FactState | null,
  after: FactState | null,
  latestOther?: Nanos | null,
): Entry | null {
  const movements = replaceMovement(entry.movements, { before, after, latestOther });
  if (movements === null) return null;
  return derive({ ...(after === null ? entry : withArrival(entry, after)), movements });
}

/** The entry with its earliest arrival and position updated by one of its facts. */
function withArrival(entry: Entry, fact: FactState): Entry {
  const arrival = firstArrivalOf(fact);
  const { arrivedAt, recordedAt } = entry;
  return {
    ...entry,
    arrivedAt: recordedAt === 0 || arrival < arrivedAt ? arrival : arrivedAt,
    recordedAt: recordedAt === 0 || heldFrom(fact) < recordedAt ? heldFrom(fact) : recordedAt,
    deliveryId: entry.deliveryId ?? fact.deliveryId,
  };
}

type MovementChange = Readonly<{
  before: FactState | null;
  after: FactState | null;
  latestOther: Nanos | null | undefined;
}>;

/** Removes one state of a movement from a sum and adds another. */
function replaceMovement(
  sum: MovementSum,
  { before, after, latestOther }: MovementChange,
): MovementSum | null {
  const without =
    before === null || before.withdrawn ? sum : removeMovement(sum, before, latestOther);
  if (without === null || after === null || after.withdrawn) return without;
  return addMovement(without, after);
}

function addMovement(sum: MovementSum, movement: FactState): MovementSum {
  const { change, run_type } = inForce(movement);
  const amount = moneyOf(String(change));
  const { at, impossibleAt } = statedTime(movement);
  const isLatest = at !== null && (sum.latestAt === null || at >= sum.latestAt);
  return {
    count: sum.count + 1,
    change: sum.change === null ? amount : add(sum.change, amount),
    latestAt: isLatest ? at : sum.latestAt,
    latestCount: isLatest ? (at === sum.latestAt ? sum.latestCount + 1 : 1) : sum.latestCount,
    impossible: sum.impossible + (impossibleAt === null ? 0 : 1),
    impossibleAt: sum.impossibleAt ?? impossibleAt,
    contradictions: sum.contradictions + (movement.contradicted.length > 0 ? 1 : 0),
    corrected: sum.corrected + (movement.corrected ? 1 : 0),
    runType: sum.runType ?? (typeof run_type === "string" ? run_type : null),
  };
}

function removeMovement(
  sum: MovementSum,
  movement: FactState,
  latestOther: Nanos | null | undefined,
): MovementSum | null {
  if (sum.count === 1) return NO_MOVEMENTS;
  const { at, impossibleAt } = statedTime(movement);
  const isLatest = at !== null && at === sum.latestAt;
  const isLastOfThem = isLatest && sum.latestCount === 1;
  if (isLastOfThem && latestOther === undefined) return null;
  const impossible = sum.impossible - (impossibleAt === null ? 0 : 1);
  const latestAt = isLastOfThem ? (latestOther ?? null) : sum.latestAt;
  const counted = sum.latestCount - (isLatest ? 1 : 0);
  return {
    ...sum,
    count: sum.count - 1,
    change: sum.change && subtract(sum.change, moneyOf(String(inForce(movement).change))),
    latestAt,
    latestCount: isLastOfThem && latestAt !== null ? 1 : counted,
    impossible,
    impossibleAt: impossible === 0 ? null : sum.impossibleAt,
    contradictions: sum.contradictions - (movement.contradicted.length > 0 ? 1 : 0),
    corrected: sum.corrected - (movement.corrected ? 1 : 0),
  };
}

/** Recomputes what follows from the entry's facts. */
function derive(entry: Entry): Entry {
  const { kind, movements, arrivedAt } = entry;
  const report = entry.report?.withdrawn ? null : entry.report;
  const stated = report === null ? NO_FIELDS : inForce(report);
  const run = report === null ? NO_TIME : statedTime(report);
  const isSnapshot = kind === "snapshot";
  const impossibleAt = movements.impossibleAt ?? run.impossibleAt;
  const time = isSnapshot ? arrival(arrivedAt) : timeOf(entry, report, run);
  return {
    ...entry,
    runType: typeof stated.run_type === "string" ? stated.run_type : movements.runType,
    balance: moneyIn(stated.balance),
    change: isSnapshot ? ZERO_CHANGE : (movements.change ?? moneyIn(stated.change)),
    expected: moneyIn(stated.expected_balance),
    accountIds: report === null ? NO_ACCOUNT_IDS : accountIdsOf(report),
    contradictions: movements.contradictions + (report?.contradicted.length ? 1 : 0),
    occurredAt: movements.latestAt ?? run.at ?? impossibleAt,
    effectiveAt: time.at,
    ownAt: time.ownAt,
    isUndated: time.isUndated,
    follows: report === null ? null : followedRun(report),
    impossibleAt,
  };
}

function timeOf(entry: Entry, report: FactState | null, run: StatedTime): EffectiveTime {
  return effectiveTime({
    movementAt: entry.movements.latestAt,
    runAt: run.at,
    arrivedAt: entry.arrivedAt,
    notBefore: report === null ? null : notBeforeOf(report),
  });
}

const arrival = (at: Nanos): EffectiveTime => ({ at, ownAt: at, isUndated: true });

const NO_FIELDS: Readonly<Record<string, unknown>> = {};
const NO_ACCOUNT_IDS: readonly string[] = [];
const NO_TIME: StatedTime = { at: null, impossibleAt: null };
const ZERO_CHANGE = moneyOf("0");

/** The fields of an entry that balance arithmetic needs. */
type Stated = Pick<Entry, "balance" | "change">;

/** The balance before it by its own balance and change; null if it lacks either. */
export function balanceBefore({ balance, change }: Stated): Money | null {
  return balance === null || change === null ? null : subtract(balance, change);
}

/** The balance that a report states; else the one before it with the change, as far as both are known. */
export function balanceAfter(before: Money | null, { balance, change }: Stated): Money | null {
  if (balance !== null) return balance;
  if (before === null || change === null) return before;
  return add(before, change);
}

/** Whether two balances of an account are the same; Layer1's may differ by its rounding. */
export type Same = (a: Money, b: Money) => boolean;

/** How balances of an account are compared. */
export function sameOn(account: string): Same {
  return account.startsWith("layer1:") ? (a, b) => within(a, b, LAYER1_TOLERANCE) : equals;
}
