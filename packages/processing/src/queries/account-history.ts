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

/** An account's entries as they stand, or as they stood at a position. */
export type EntryReading = Readonly<{
  rows: Rows;
  account: string;
  position?: number | undefined;
}>;

/** The order of an account's entries. */
export const ENTRY_ORDER = ["account", "placed_at", "rank", "mark"];

/** One entry as it stands, or stood at a position: it is found where it stood. */
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
 * The last entry that an account had at a position, where it took effect by the time. Any number may
 * stand behind it since: it is found by its run, and not from the end.
 *
 * @returns null where it took effect later, or no run tells where it stood
 */
export async function lastOfAll(
  reading: EntryReading,
  { last_run_id, updated_at }: BalanceRecord,
  time: Nanos,
): Promise<Row | null> {
  const { rows, account, position } = reading;
  if (position === undefined || last_run_id === null || updated_at === null) return null;
  if (timeOf(updated_at) > time) return null;
  const run = await entryAt(reading, `run:${last_run_id}`);
  // What stands behind the time is looked for from the time on.
  if (run === null || BigInt(run.placed_at ?? 0) > time) return null;
  // Snapshots stand behind their run at its place.
  const [last = null] = await selectAt(rows, ENTRY_VERSIONS, position, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "placed_at", is: "=", value: run.placed_at ?? 0n },
    ],
    orderBy: ENTRY_ORDER,
    descending: true,
    limit: 1,
  });
  return last;
}

/**
 * The last entry, in the account's order, that took effect by the time. No entry takes effect after
 * its place, so the index seeks to it; of what is ordered together some that stand behind it may
 * have taken effect before.
 */
export async function lastEntry(
  reading: EntryReading,
  time: Nanos,
  further: readonly Condition[] = [],
): Promise<Row | null> {
  const { rows, account, position } = reading;
  const where: Condition[] = [{ column: "account", is: "=", value: account }, ...further];
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
  for await (const row of nearBehind(reading, where, time)) {
    const isInTime = BigInt(row.effective_at ?? 0) <= time;
    if (row.kind === "run") isRunIncluded = isInTime;
    // A snapshot may have arrived before the run that it stands behind took effect.
    if (isInTime && isRunIncluded) last = row;
  }
  return last;
}

/**
 * The entries placed after a time that may have taken effect by it: those placed near it, and those
 * of the cluster that it falls into. A run without a time of its own may stand first in that cluster,
 * placed at its arrival, long after runs that stand behind it took effect.
 */
async function* nearBehind(
  { rows, account, position }: EntryReading,
  where: readonly Condition[],
  time: Nanos,
): AsyncGenerator<Row> {
  let beyond: readonly Value[] = [account, time + 1n, -1, ""];
  // Nearly always the second one begins the next cluster.
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

/** A closed gap, and the name by which those behind the same entry are read on. */
type ClosedGap = Readonly<{ id: string; gap: Gap }>;

/** An account's gaps by the entry that they are shown before, or after. */
export type Gaps = Readonly<{
  before: (entry: Row) => Promise<readonly Gap[]>;
  /** At most so many of them, behind a name; fewer where no more follow. */
  after: (entry: Row, beyond: string | null, limit: number) => Promise<readonly ClosedGap[]>;
}>;

/**
 * An open gap stands before the entry that found something missing. A closed one stands right after
 * the entry before it, ahead of what closed it; where that entry is gone (a snapshot that no longer
 * stands), before the entry that had found it.
 *
 * An account may have a million: only those of the entries that are asked for are read, by their
 * names. Where the entry before a gap is gone no name leads to it, and it is looked for among the
 * first of the account and the first behind snapshots, as many as `readFirst` reads.
 */
export async function readGaps(rows: Rows, account: string, moment: Moment = NOW): Promise<Gaps> {
  const first = await readFirst(rows, `gap:${account}:`);
  const isWhole = first.length < FIRST_MAX;
  const further = isWhole ? [] : await readFirst(rows, `gap:${account}:snapshot:`);
  const then = await anomaliesAt(rows, [...first, ...further], moment);
  const known = new Map(then.map((row) => [String(row.id), row]));
  const isClosed = (row: Row) => isClosedBy(row, moment);
  const closed = [...known.values()].filter(isClosed).map(closedGap);
  const byAfter = Map.groupBy(closed, ({ gap }) => gap.after_run_id);
  const byBefore = Map.groupBy(closed, ({ gap }) => gap.before_run_id);

  async function anomalyOf(id: string): Promise<Row | null> {
    return known.get(id) ?? (await anomalyAt(rows, id, moment));
  }

  async function alone(entry: Row): Promise<readonly Gap[]> {
    const found: Gap[] = [];
    for (const { gap } of byBefore.get(nameOf(entry)) ?? []) {
      if (!(await standsIn(rows, account, gap.after_run_id, moment))) found.push(gap);
    }
    return found;
  }

  return {
    before: async (entry) => [
      ...(await alone(entry)),
      ...(await openGap(entry, account, anomalyOf)),
    ],
    after: async (entry, beyond, limit) => {
      const name = nameOf(entry);
      if (!isWhole) return closedAfter(rows, { account, name, beyond, limit, moment });
      const all = byAfter.get(name) ?? [];
      const isBehind = ({ id }: ClosedGap) => beyond === null || compareTuples([id], [beyond]) > 0;
      return all.filter(isBehind).slice(0, limit);
    },
  };
}

/** What one page reads of an account's gaps at once; nearly every account has fewer. */
const FIRST_MAX = 1000;

/** The first gaps whose id begins so. */
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

/** A gap's id begins with the entry before it. Open ones among them are passed by. */
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

/** What the entry itself says of the gap before it; the anomaly adds where that was first seen. */
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

/** Closed by the facts of the moment; and found missing, as of a time, by what took effect by then. */
function isClosedBy({ closed_position, opened_at }: Row, { as_of }: Moment): boolean {
  if (closed_position === null) return false;
  return as_of === undefined || opened_at === null || BigInt(opened_at ?? 0) <= as_of;
}

async function standsIn(
  rows: Rows,
  account: string,
  name: string | null,
  { at_position }: Moment,
): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await entryAt({ rows, account, position: at_position }, id)) !== null;
}
