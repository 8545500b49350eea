import { add, equals, type Money, subtract, within } from "../exact/money.ts";
import { MILLISECOND, type Nanos, SECOND } from "../exact/time.ts";

/** These sizes belong to the version of the model; they are no settings. */
export const GROUP_GAP: Nanos = 20n * MILLISECOND;
export const GROUP_MAX = 8;
export const CLOCK_LIMIT: Nanos = 60n * SECOND;
export const RECEIVER_SKEW: Nanos = 5n * SECOND;
/**
 * What is dated this long before a snapshot was asked for is in it: the receiver's error, and the
 * time that a run takes from its date to the books that a snapshot tells.
 */
export const SNAPSHOT_KNOWS: Nanos = RECEIVER_SKEW + SECOND;

/** A report's place on a line: which connection of the line, and which frame on it. */
export type LinePlace = Readonly<{
  line: string;
  lineOpenedAt: Nanos;
  index: number;
  frame: number;
}>;

/** What the order of an account's history is made from: a run on the account, or its funds at a time. */
export type Report = Readonly<{
  /** The run's id; Layer1: the envelope's time. */
  key: string;
  /** The latest movement time, else the run's; if that lies far in the future, the arrival. */
  ownTime: Nanos;
  places: readonly LinePlace[];
  /** Sum of the distinct movements; null where none is known. */
  change: Money | null;
  /** null where it states none. */
  balance: Money | null;
  /** How far two balances may differ and still be the same (Layer1 rounds). */
  tolerance: Money | null;
}>;

/** A balance as it stands between two reports; null where nobody ever stated it. */
export type Running = Money | null;

/** The balance before the report, as the report itself has it; null where it does not say. */
export function balanceBefore({ balance, change }: Report): Running {
  return balance === null || change === null ? null : subtract(balance, change);
}

export function runningAfter(running: Running, { balance, change }: Report): Running {
  if (balance !== null) return balance;
  return running === null ? null : add(running, change ?? subtract(running, running));
}

/** What is missing between what stood before and what the report begins from; null where nothing is. */
export function missingBefore(running: Running, report: Report): Money | null {
  const before = balanceBefore(report);
  if (running === null || before === null) return null;
  return same(running, before, report) ? null : subtract(before, running);
}

export function same(a: Money, b: Money, { tolerance }: Pick<Report, "tolerance">): boolean {
  return tolerance === null ? equals(a, b) : within(a, b, tolerance);
}

export function compareTimes(a: Timed, b: Timed): number {
  return a.effectiveAt < b.effectiveAt ? -1 : a.effectiveAt > b.effectiveAt ? 1 : 0;
}

/**
 * By time, then run id by length, then run id: how reports stand where nothing else decides. Times
 * are compared in whole milliseconds, since a webhook prints no more: what the feed dates 0.4 ms
 * later may well have come before.
 */
export function compareReports(a: Timed, b: Timed): number {
  const [left, right] = [millisecondOf(a), millisecondOf(b)];
  if (left !== right) return left < right ? -1 : 1;
  if (a.key.length !== b.key.length) return a.key.length - b.key.length;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** By run id, where both have a number; else as reports stand anywhere. */
export function compareNumbers(a: Timed, b: Timed): number {
  if (!NUMBER.test(a.key) || !NUMBER.test(b.key)) return compareReports(a, b);
  if (a.key.length !== b.key.length) return a.key.length - b.key.length;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : compareTimes(a, b);
}

const NUMBER = /^\d+$/;

export const millisecondOf = ({ effectiveAt }: Timed): Nanos => effectiveAt / MILLISECOND;

export type Timed = Report & Readonly<{ effectiveAt: Nanos }>;
