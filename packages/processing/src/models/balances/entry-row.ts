import { isSameBalance, isSamePlace } from "@counterfoil/core/balances/arrangement";
import { statedTime } from "@counterfoil/core/balances/effective-time";
import {
  type Entry,
  entryId,
  type Joined,
  type MovementSum,
  NO_MOVEMENTS,
  newEntry,
  withReport,
} from "@counterfoil/core/balances/entry";
import { formatMoney, isSameMoney, type Money, moneyIn } from "@counterfoil/core/exact/money";
import type { Nanos } from "@counterfoil/core/exact/time";
import { type FactState, inForce } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/model-store.ts";
import { factStateFrom, factStateText } from "../columns.ts";

/** The row of an entry; `unreportedSince` is the column of that name. */
export function entryRow(
  entry: Entry,
  account: string,
  unreportedSince: number | null = null,
): Row {
  const isRun = entry.kind === "run";
  return {
    account,
    id: entryId(entry),
    kind: entry.kind,
    run_id: isRun && !account.startsWith("layer1:") ? entry.key : null,
    run_type: isRun ? entry.runType : null,
    occurred_at: entry.occurredAt,
    dated_at: isRun && !entry.isUndated ? entry.effectiveAt : null,
    effective_at: entry.effectiveAt,
    placed_at: entry.placedAt,
    rank: entry.rank,
    mark: entry.mark,
    joined: entry.joined,
    change: isRun ? moneyText(entry.change) : null,
    balance: moneyText(entry.balance),
    running: moneyText(entry.running),
    running_of_runs: isSameMoney(entry.running, entry.runningOfRuns)
      ? null
      : (moneyText(entry.runningOfRuns) ?? UNKNOWN),
    missing: moneyText(entry.missing),
    missing_after: entry.missingAfter,
    opening: moneyText(entry.opening),
    contradictions: entry.contradictions,
    report: entry.report === null ? null : factStateText(entry.report),
    movements: entry.movements.count,
    movement_sum: entry.movements.count === 0 ? null : sumText(entry.movements),
    arrived_at: entry.arrivedAt,
    recorded_at: entry.recordedAt,
    opened_at: entry.openedAt,
    late: entry.late ? 1 : 0,
    delivery_id: entry.deliveryId,
    position: entry.position,
    unreported_since: unreportedSince,
  };
}

/** The entry before its report. */
export const withoutReport = (entry: Entry, position: number): Entry => ({
  ...entry,
  report: null,
  balance: null,
  position,
});

/** The row of an entry before its report. */
export const unreportedRow = (row: Row): Row => ({
  ...row,
  report: null,
  balance: null,
  position: row.unreported_since ?? null,
  unreported_since: null,
});

/**
 * Whether only the report was added and nothing but the stated balance changed: then `withoutReport` gives
 * the earlier version. Contents are compared, because an entry that is loaded again is another object.
 */
export function isOnlyReported(before: Entry, after: Entry): boolean {
  return (
    before.report === null &&
    after.report !== null &&
    before.movements.count === after.movements.count &&
    before.runType === after.runType &&
    before.occurredAt === after.occurredAt &&
    before.effectiveAt === after.effectiveAt &&
    before.isUndated === after.isUndated &&
    isSamePlace(before, after) &&
    isSameMoney(before.change, after.change) &&
    isSameBalance(before, after) &&
    before.contradictions === after.contradictions &&
    before.arrivedAt === after.arrivedAt &&
    before.recordedAt === after.recordedAt &&
    before.openedAt === after.openedAt &&
    before.late === after.late &&
    before.deliveryId === after.deliveryId
  );
}

/** Parsed entries by row, because queries for neighbouring entries read the same rows repeatedly. */
const readEntries = new WeakMap<Row, Entry>();

/** The entry of a row from `entryRow`. */
export function entryFromRow(row: Row): Entry {
  const known = readEntries.get(row);
  if (known !== undefined) return known;
  const entry = readEntry(row);
  readEntries.set(row, entry);
  return entry;
}

function readEntry(row: Row): Entry {
  const id = String(row.id);
  const kind = row.kind === "snapshot" ? "snapshot" : "run";
  const running = moneyIn(row.running);
  const facts = {
    ...newEntry(kind, id.slice(kind.length + 1)),
    movements: row.movement_sum === null ? NO_MOVEMENTS : sumFrom(String(row.movement_sum)),
    arrivedAt: BigInt(row.arrived_at ?? 0),
    recordedAt: Number(row.recorded_at),
    openedAt: Number(row.opened_at),
    deliveryId: row.delivery_id as string | null,
  };
  return {
    ...withReport(facts, reportFrom(row)),
    placedAt: BigInt(row.placed_at ?? 0),
    rank: Number(row.rank),
    mark: String(row.mark),
    joined: Number(row.joined) as Joined,
    running,
    runningOfRuns: runningOfRunsFrom(row.running_of_runs, running),
    missing: moneyIn(row.missing),
    missingAfter: row.missing_after as string | null,
    opening: moneyIn(row.opening),
    late: row.late === 1,
    position: Number(row.position),
  };
}

/** The stated balance in an entry's or a statement's row. */
export function reportFrom({ report }: Row): FactState | null {
  return report === null ? null : factStateFrom(JSON.parse(String(report)));
}

/** Whether the report of an entry, or any of its movements, was corrected after it was first recorded. */
export const isCorrected = (row: Row, report: FactState | null): boolean =>
  (report?.corrected === true && !report.withdrawn) ||
  (row.movement_sum !== null && sumFrom(String(row.movement_sum)).corrected > 0);

/** Marks an unknown balance; null means that it equals `running`. */
const UNKNOWN = "?";

function runningOfRunsFrom(stored: Row[string] | undefined, running: Money | null): Money | null {
  if (stored === null || stored === undefined) return running;
  return stored === UNKNOWN ? null : moneyIn(stored);
}

const moneyText = (amount: Money | null): string | null =>
  amount === null ? null : formatMoney(amount);

/** Times are text, because JSON numbers cannot hold nanoseconds exactly. */
function sumText(sum: MovementSum): string {
  const { latestAt, impossibleAt } = sum;
  return JSON.stringify({
    count: sum.count,
    change: moneyText(sum.change),
    latestAt: latestAt === null ? null : String(latestAt),
    latestCount: sum.latestCount,
    impossible: sum.impossible,
    impossibleAt: impossibleAt === null ? undefined : String(impossibleAt),
    contradictions: sum.contradictions,
    corrected: sum.corrected || undefined,
    runType: sum.runType,
  });
}

function sumFrom(stored: string): MovementSum {
  const { change, latestAt, impossibleAt = null, corrected = 0, ...rest } = JSON.parse(stored);
  return {
    ...rest,
    corrected,
    change: moneyIn(change),
    latestAt: latestAt === null ? null : BigInt(latestAt),
    impossibleAt: impossibleAt === null ? null : BigInt(impossibleAt),
  };
}

/** `counted_at` of a movement without a time or a withdrawn one; no real time is that early. */
export const UNDATED: Nanos = 0n;

/** The row of a movement as of an event, under its current run. */
export function movementRow(state: FactState, account: string, position: number): Row {
  const { movement_id, movement_type, change, run_id } = inForce(state) as Record<string, string>;
  const { at } = statedTime(state);
  return {
    account,
    run_id: run_id ?? "",
    movement_id: movement_id ?? "",
    movement_type: movement_type ?? null,
    change: change ?? "",
    occurred_at: at,
    withdrawn: state.withdrawn ? 1 : 0,
    counted_at: at === null || state.withdrawn ? UNDATED : at,
    facts: factStateText(state),
    position,
  };
}

/** The movement of a row from `movementRow`. */
export const movementFrom = ({ facts }: Row): FactState => factStateFrom(JSON.parse(String(facts)));
