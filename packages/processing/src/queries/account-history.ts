import type { BalanceRecord, EntryRecord } from "@counterfoil/contracts/record";
import { shownKey } from "@counterfoil/core/balances/anomalies";
import { IN_CLUSTER } from "@counterfoil/core/balances/entry";
import { CLUSTER_MAX, TIME_ERROR } from "@counterfoil/core/balances/ordering";
import { type Nanos, timeOf } from "@counterfoil/core/exact/time";
import { unreportedRow } from "../models/balances/entry-row.ts";
import { ENTRIES, ENTRIES_PAST, ENTRY_MOVES } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { compareTuples } from "../projection/selection.ts";
import { anomaliesAt, anomalyAt } from "./anomaly-record.ts";
import { beginsWith, beyondPart, positionIn, positionOrNull, textIn, timeIn } from "./answers.ts";
import { ENTRY_VERSIONS, type Moment, NOW, selectAt } from "./moment.ts";

/** Where entries are read: an account, now or at a position. */
export type EntryReading = Readonly<{
  rows: Rows;
  account: string;
  position?: number | undefined;
}>;

/** The order of an account's entries. */
export const ENTRY_ORDER = ["account", "placed_at", "rank", "mark"];

/** One entry now or at a position. Its former version is found by the place that it had then. */
export async function entryAt(
  { rows, account, position }: EntryReading,
  id: string,
): Promise<Row | null> {
  const row = await rows.get(ENTRIES, [account, id]);
  if (position === undefined || (row !== null && Number(row.position) <= position)) return row;
  const unreported = row?.unreported_since ?? null;
  if (row !== null && unreported !== null && Number(unreported) <= position) {
    return unreportedRow(row);
  }
  const [moved] = await rows.select(ENTRY_MOVES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "id", is: "=", value: id },
      { column: "until", is: ">", value: position },
    ],
    orderBy: ENTRY_MOVES.key,
    limit: 1,
  });
  const place = moved ?? row;
  if (place === null) return null;
  const [before = null] = await rows.select(ENTRIES_PAST, {
    where: [
      { column: "account", is: "=", value: account },
      ...["placed_at", "rank", "mark"].map((column) => ({
        column,
        is: "=" as const,
        value: place[column] ?? null,
      })),
      { column: "position", is: "<=", value: position },
    ],
    orderBy: ENTRIES_PAST.key,
    descending: true,
    limit: 1,
  });
  return before !== null && before.id === id && Number(before.until) > position ? before : null;
}

/**
 * The last entry that an account had, now or at a position, if it took effect by the time. Nearly
 * always it did, and the entries around the time need not be searched.
 *
 * @returns null if it took effect later, or no run gives its place
 */
export async function lastOfAll(
  reading: EntryReading,
  { last_run_id, updated_at }: BalanceRecord,
  time: Nanos,
): Promise<Row | null> {
  const { rows, account, position } = reading;
  if (last_run_id === null || updated_at === null || timeOf(updated_at) > time) return null;
  const where: Condition[] = [{ column: "account", is: "=", value: account }];
  if (position !== undefined) {
    // Any number of entries may have been added since, so its run is read instead of those.
    const run = await entryAt(reading, `run:${last_run_id}`);
    if (run === null) return null;
    // Snapshots are ordered after their run, at the same place.
    where.push({ column: "placed_at", is: "=", value: run.placed_at ?? 0n });
  }
  const [last = null] = await selectAt(rows, ENTRY_VERSIONS, position, {
    where,
    orderBy: ENTRY_ORDER,
    descending: true,
    limit: 1,
  });
  // An entry placed after the time is found by `lastEntry`, which searches from the time.
  return last === null || BigInt(last.placed_at ?? 0) > time ? null : last;
}

/**
 * The last entry, in the account's order, that took effect by the time. No entry takes effect after
 * its place, so the index seeks to the time. Entries of the same cluster that are placed later may
 * have taken effect earlier.
 */
export async function lastEntry(
  reading: EntryReading,
  time: Nanos,
  conditions: readonly Condition[] = [],
): Promise<Row | null> {
  const { rows, account, position } = reading;
  const where: Condition[] = [{ column: "account", is: "=", value: account }, ...conditions];
  const [entry = null] = await selectAt(rows, ENTRY_VERSIONS, position, {
    where: [
      ...where,
      { column: "placed_at", is: "<=", value: time },
      { column: "effective_at", is: "<=", value: time },
    ],
    orderBy: ENTRY_ORDER,
    descending: true,
    limit: 1,
  });
  let last = entry;
  let isRunIncluded = true;
  for await (const row of placedNearAfter(reading, where, time)) {
    const isInTime = BigInt(row.effective_at ?? 0) <= time;
    if (row.kind === "run") isRunIncluded = isInTime;
    // A snapshot may have arrived before the run that it follows in the order took effect.
    if (isInTime && isRunIncluded) last = row;
  }
  return last;
}

/**
 * The entries placed after a time that may have taken effect by it: those placed near it, and those
 * of the cluster that it falls into. A run without a time of its own is placed at its arrival. It
 * may be the first of that cluster, long after the runs ordered after it took effect.
 */
async function* placedNearAfter(
  { rows, account, position }: EntryReading,
  where: readonly Condition[],
  time: Nanos,
): AsyncGenerator<Row> {
  let beyond: readonly Value[] = [account, time + 1n, -1, ""];
  // In nearly all cases, the second entry begins the next cluster.
  for (let count = 0, limit = 2; count < CLUSTER_MAX; limit = Math.min(4 * limit, CLUSTER_MAX)) {
    const selection = { where, orderBy: ENTRY_ORDER, beyond, limit };
    const found = await selectAt(rows, ENTRY_VERSIONS, position, selection);
    for (const row of found) {
      const isNear = BigInt(row.placed_at ?? 0) <= time + TIME_ERROR;
      if (!isNear && count > 0 && row.joined !== IN_CLUSTER) return;
      yield row;
      count += 1;
    }
    const last = found.at(-1);
    if (last === undefined || found.length < limit) return;
    beyond = ENTRY_ORDER.map((column) => last[column] ?? null);
  }
}

type Gap = Extract<EntryRecord, { kind: "gap" }>;

/** A closed gap, and the id after which the gaps that follow the same entry continue. */
type ClosedGap = Readonly<{ id: string; gap: Gap }>;

/** An account's gaps, by the entry before or after which they are shown. */
export type Gaps = Readonly<{
  before: (entry: Row) => Promise<readonly Gap[]>;
  /** Up to `limit` closed gaps after an id; fewer if no more follow. */
  after: (entry: Row, beyond: string | null, limit: number) => Promise<readonly ClosedGap[]>;
}>;

/**
 * An open gap is shown before the entry that revealed it. A closed gap is shown directly after the
 * entry before it, ahead of the entries that closed it. If the entry before it no longer exists (a
 * snapshot that is not shown any more), it is shown before the entry that had revealed it.
 *
 * An account may have a million gaps, so only those of the requested entries are read, by id. If
 * the entry before a gap no longer exists, no id prefix leads to the gap; it is searched among the
 * first gaps of the account and the first after snapshots, as many as `readFirst` reads.
 */
export async function readGaps(rows: Rows, account: string, moment: Moment = NOW): Promise<Gaps> {
  const first = await readFirst(rows, `gap:${account}:`);
  const hasReadAll = first.length < FIRST_MAX;
  const ofSnapshots = hasReadAll ? [] : await readFirst(rows, `gap:${account}:snapshot:`);
  const then = await anomaliesAt(rows, [...first, ...ofSnapshots], moment);
  const known = new Map(then.map((row) => [String(row.id), row]));
  const isClosed = (row: Row) => isClosedBy(row, moment);
  const closed = [...known.values()].filter(isClosed).map(closedGap);
  const byAfter = Map.groupBy(closed, ({ gap }) => gap.after_run_id);
  const byBefore = Map.groupBy(closed, ({ gap }) => gap.before_run_id);

  async function anomalyOf(id: string): Promise<Row | null> {
    return known.get(id) ?? (await anomalyAt(rows, id, moment));
  }

  async function gapsWithoutEntryBefore(entry: Row): Promise<readonly Gap[]> {
    const found: Gap[] = [];
    for (const { gap } of byBefore.get(nameOf(entry)) ?? []) {
      if (!(await hasEntry(rows, account, gap.after_run_id, moment))) found.push(gap);
    }
    return found;
  }

  return {
    before: async (entry) => [
      ...(await gapsWithoutEntryBefore(entry)),
      ...(await openGap(entry, account, anomalyOf)),
    ],
    after: async (entry, beyond, limit) => {
      const name = nameOf(entry);
      if (!hasReadAll) return closedAfter(rows, { account, name, beyond, limit, moment });
      const all = byAfter.get(name) ?? [];
      const isBehind = ({ id }: ClosedGap) => beyond === null || compareTuples([id], [beyond]) > 0;
      return all.filter(isBehind).slice(0, limit);
    },
  };
}

/** Number of an account's gaps read at once; nearly every account has fewer. */
const FIRST_MAX = 1000;

/** The first gaps whose id has this prefix. */
function readFirst(rows: Rows, prefix: string): Promise<readonly Row[]> {
  return rows.select(ANOMALIES, {
    where: beginsWith("id", prefix),
    orderBy: ["id"],
    limit: FIRST_MAX,
  });
}

type After = Readonly<{
  account: string;
  name: string | null;
  beyond: string | null;
  limit: number;
  moment: Moment;
}>;

/**
 * Closed gaps after an entry: a gap's id begins with the entry before it. Open gaps are skipped.
 */
async function closedAfter(
  rows: Rows,
  { account, name, beyond, limit, moment }: After,
): Promise<readonly ClosedGap[]> {
  const found: ClosedGap[] = [];
  const where = beginsWith("id", `gap:${account}:${name}..`);
  for (let last = beyond; found.length < limit; ) {
    const key = beyondPart(last === null ? null : [last]);
    const page = await rows.select(ANOMALIES, { where, orderBy: ["id"], ...key, limit });
    const then = await anomaliesAt(rows, page, moment);
    const closed = then.filter((row) => isClosedBy(row, moment)).map(closedGap);
    found.push(...closed.filter(({ gap }) => gap.after_run_id === name));
    if (page.length < limit) break;
    last = String(page.at(-1)?.id);
  }
  return found.slice(0, limit);
}

const nameOf = ({ id }: Row): string | null => shownKey(String(id));

function closedGap(anomaly: Row): ClosedGap {
  const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(anomaly.detail));
  return {
    id: String(anomaly.id),
    gap: {
      kind: "gap",
      missing_amount,
      after_run_id,
      before_run_id,
      opened_at: timeIn(anomaly.opened_at),
      position: positionIn(anomaly.opened_position),
      closed_position: positionOrNull(anomaly.closed_position),
    },
  };
}

/** The open gap before an entry, by the entry itself; the anomaly adds where it was first seen. */
async function openGap(
  entry: Row,
  account: string,
  anomalyOf: (id: string) => Promise<Row | null>,
): Promise<readonly Gap[]> {
  const missing = textIn(entry.missing);
  if (missing === null) return [];
  const after = shownKey(textIn(entry.missing_after));
  const before = nameOf(entry);
  const anomaly = await anomalyOf(`gap:${account}:${after}..${before}`);
  return [
    {
      kind: "gap",
      missing_amount: missing,
      after_run_id: after,
      before_run_id: before,
      opened_at: timeIn(entry.effective_at),
      position: positionIn(anomaly?.opened_position ?? entry.position),
      closed_position: null,
    },
  ];
}

/** Whether a gap was closed by the facts of a moment, and (as of a time) had opened by then. */
function isClosedBy({ closed_position, opened_at }: Row, { as_of }: Moment): boolean {
  if (closed_position === null) return false;
  return as_of === undefined || opened_at === null || BigInt(opened_at ?? 0) <= as_of;
}

async function hasEntry(
  rows: Rows,
  account: string,
  name: string | null,
  { at_position }: Moment,
): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await entryAt({ rows, account, position: at_position }, id)) !== null;
}
