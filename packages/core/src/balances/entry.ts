import { add, equals, type Money, moneyIn, moneyOf, subtract, within } from "../exact/money.ts";
import { timeOf as instantOf, type Nanos } from "../exact/time.ts";
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
 * snapshot that shows another balance than anything before it. The first part is a function of its
 * facts, the second of its place in the history.
 */
export type Entry = EntryFacts & EntryPlace;

export type EntryFacts = Readonly<{
  kind: "run" | "snapshot";
  /** The run's id; Layer1: the envelope's time; snapshot: connection and frame. */
  key: string;
  /** The run's id as the provider's counter, to be compared as text. */
  counter: string;
  /** The stated balance, with everything later said of it; null where only movements came. */
  report: FactState | null;
  movements: MovementSum;
  runType: string | null;

  /** Sum of the movements; Layer1's delta. null where none is known; a snapshot changes nothing. */
  change: Money | null;
  /** null where none is stated. */
  balance: Money | null;
  /** Layer1's BLOCKCHAIN: what the other funds of its message add up to. */
  expected: Money | null;
  /** The provider's ids of the account that its facts give, as reported. */
  accountIds: readonly string[];
  /** Facts of which another copy says otherwise. */
  contradictions: number;

  /** As the provider printed it; null where it gave no time. */
  occurredAt: Nanos | null;
  effectiveAt: Nanos;
  /** The effective time before a socket's order moved it. */
  ownAt: Nanos;
  /** Nobody dated it: it has the time of its arrival. */
  isUndated: boolean;
  /** The run that its socket stated before it, where its times do not say so. */
  follows: string | null;
  /** A time that cannot be, as one of its facts is printed with it; null where none is. */
  impossibleAt: Nanos | null;
  /** When the first of its facts reached us, and where it was recorded. */
  arrivedAt: Nanos;
  recordedAt: number;
  /** Of a snapshot: where the feed that stated it was opened. What is recorded before is in it. */
  openedAt: number;
  deliveryId: string | null;
}>;

export type EntryPlace = Readonly<{
  /** Order: by these three. Reports that are ordered together share what `ordering.ts` says. */
  placedAt: Nanos;
  rank: number;
  mark: string;
  joined: Joined;
  /** The balance after it; and as the order of runs sees it, which no snapshot moves. */
  running: Money | null;
  runningOfRuns: Money | null;
  /** What is missing before it; null where nothing is. */
  missing: Money | null;
  /** Id of the entry before the gap. */
  missingAfter: string | null;
  /** The balance before the account's first report, where it is not zero. */
  opening: Money | null;
  late: boolean;
  /** The event that last changed it. */
  position: number;
}>;

/**
 * How an entry stands beside the one before it: it begins anew; it goes on with a cluster; it lies
 * in a cluster that grew too large to be ordered as a whole.
 */
export const ALONE = 0;
export const GOES_ON = 1;
export const IN_LARGE = 2;
export type Joined = typeof ALONE | typeof GOES_ON | typeof IN_LARGE;

/** What the movements of one run on one account add up to. */
export type MovementSum = Readonly<{
  count: number;
  change: Money | null;
  /** The latest time among them, and how many have it; or fewer, where it was looked up. */
  latestAt: Nanos | null;
  latestCount: number;
  /** Printed with a time that cannot be: how many, and one such time. */
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

export const entryId = ({ kind, key }: Pick<Entry, "kind" | "key">): string => `${kind}:${key}`;

/**
 * What the provider's counter of runs says, to be compared as text: a run's id by its length, then
 * by itself. Layer1 counts nothing: there it is the message's time.
 */
export function counterOf(key: string): string {
  if (ISO_TIME.test(key)) return String(instantOf(key)).padStart(20, "0");
  const text = /^[\x21-\x7e]*$/.test(key) ? key : encodeURIComponent(key.toWellFormed());
  return String(key.length).padStart(4, "0") + text;
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

const NOWHERE: EntryPlace = {
  placedAt: 0n,
  rank: 0,
  mark: "",
  joined: ALONE,
  running: null,
  runningOfRuns: null,
  missing: null,
  missingAfter: null,
  opening: null,
  late: false,
  position: 0,
};

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
    ...NOWHERE,
  };
}

/** Whether any fact is left in force. */
export const hasFacts = ({ report, movements }: EntryFacts): boolean =>
  movements.count > 0 || (report !== null && !report.withdrawn);

/** The entry with another state of its stated balance; null where that was withdrawn. */
export function withReport(entry: Entry, report: FactState | null): Entry {
  if (report === null) return derive({ ...entry, report });
  const noted = noteArrival(entry, report);
  return derive({ ...noted, report, deliveryId: report.deliveryId ?? noted.deliveryId });
}

/**
 * The entry after a movement changed; null: there was none, or it is in force no more.
 *
 * @param latestOther the latest time of the run's other movements, once it was looked up
 * @returns null where it has to be
 */
export function withMovement(
  entry: Entry,
  before: FactState | null,
  after: FactState | null,
  latestOther?: Nanos | null,
): Entry | null {
  const movements = exchange(entry.movements, { before, after, latestOther });
  if (movements === null) return null;
  return derive({ ...(after === null ? entry : noteArrival(entry, after)), movements });
}

/** Takes in when and where a fact of the entry was first heard of. */
function noteArrival(entry: Entry, fact: FactState): Entry {
  const arrival = firstArrivalOf(fact);
  const { arrivedAt, recordedAt } = entry;
  return {
    ...entry,
    arrivedAt: recordedAt === 0 || arrival < arrivedAt ? arrival : arrivedAt,
    recordedAt: recordedAt === 0 || heldFrom(fact) < recordedAt ? heldFrom(fact) : recordedAt,
    deliveryId: entry.deliveryId ?? fact.deliveryId,
  };
}

type Exchange = Readonly<{
  before: FactState | null;
  after: FactState | null;
  latestOther: Nanos | null | undefined;
}>;

/** A movement taken out of a sum, and another one taken in. */
function exchange(sum: MovementSum, { before, after, latestOther }: Exchange): MovementSum | null {
  const without = before === null || before.withdrawn ? sum : takeOut(sum, before, latestOther);
  if (without === null || after === null || after.withdrawn) return without;
  return takeIn(without, after);
}

function takeIn(sum: MovementSum, movement: FactState): MovementSum {
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

function takeOut(
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

/** Computes anew what follows from the entry's facts. */
function derive(entry: Entry): Entry {
  const { kind, movements, arrivedAt } = entry;
  const report = entry.report?.withdrawn ? null : entry.report;
  const stated = report === null ? NOTHING : inForce(report);
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
    accountIds: report === null ? NONE : accountIdsOf(report),
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

const NOTHING: Readonly<Record<string, unknown>> = {};
const NONE: readonly string[] = [];
const NO_TIME: StatedTime = { at: null, impossibleAt: null };
const ZERO_CHANGE = moneyOf("0");

/** What arithmetic needs of an entry. */
export type Stated = Pick<Entry, "balance" | "change">;

/** The balance before it, as it has it itself; null where it does not say. */
export function balanceBefore({ balance, change }: Stated): Money | null {
  return balance === null || change === null ? null : subtract(balance, change);
}

export function balanceAfter(before: Money | null, { balance, change }: Stated): Money | null {
  if (balance !== null) return balance;
  if (before === null || change === null) return before;
  return add(before, change);
}

/** How far two balances of an account may differ and still be the same. */
export type Same = (a: Money, b: Money) => boolean;

export function sameOn(account: string): Same {
  return account.startsWith("layer1:") ? (a, b) => within(a, b, LAYER1_TOLERANCE) : equals;
}
