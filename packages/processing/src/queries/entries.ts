import type { EntryRecord } from "@counterfoil/contracts/record";
import { shownKey } from "@counterfoil/core/balances/anomalies";
import type { FactState, Place } from "@counterfoil/core/ingest/fact-state";
import { reportFrom } from "../models/balances/entry-row.ts";
import { ENTRIES } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import { type ColumnType, isLastRows, type Row, type Value } from "../ports/table.ts";
import { compareTuples } from "../projection/selection.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./cell.ts";
import { beginsWith, beyondPart, LIST_BYTES_MAX, type Page, type PageRequest } from "./page.ts";
import { MOVEMENTS_SHOWN, movementRecords, readMovements } from "./runs.ts";

/**
 * The row's place in its account's order, which of the records that it shows came last, and the name
 * of the gap behind it that did.
 */
export const ENTRY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer", "text"];

export type EntryQuery = Readonly<{
  page: PageRequest;
  /** Whether the newest come first. */
  descending?: boolean;
  nextTurn: Clock["nextTurn"];
}>;

/** Movements of one page: those of ten entries that show all they may. Then it ends short. */
const MOVEMENTS_MAX = 10 * MOVEMENTS_SHOWN;
/** Entries between two turns of others. */
const BATCH = 100;

/**
 * An account's history in its order: runs and snapshots, what stood before the first, gaps (also
 * those that are closed) and contradictions. A snapshot that only confirms is not shown.
 */
export async function listEntries(
  rows: Rows,
  account: string,
  { page: { limit, beyond }, descending = false, nextTurn }: EntryQuery,
): Promise<Page<EntryRecord>> {
  const gaps = await readGaps(rows, account);
  const start = startOf(beyond);
  const shownOf = descending ? shownBackwards : shownForwards;
  const stored = await readRows(rows, account, start, { limit: limit + 1, descending });
  const data: EntryRecord[] = [];
  let last = beyond;
  let movements = 0;
  for (const [at, row] of stored.entries()) {
    if (movements >= MOVEMENTS_MAX) return { data, next: last };
    if (at % BATCH === BATCH - 1) await nextTurn();
    movements += Math.min(MOVEMENTS_SHOWN, Number(row.movements));
    const shown = start.isSame(row) ? start.shown : NOTHING;
    for await (const { record, ...place } of shownOf({ rows, gaps, limit }, row, shown)) {
      // One more than was asked for tells that something follows.
      if (data.length === limit) return { data, next: last };
      data.push(record);
      last = [row.placed_at ?? 0n, row.rank ?? 0, row.mark ?? "", place.count, place.gap];
    }
  }
  return { data, next: isLastRows(stored, { limit: limit + 1, bytesMax }) ? null : last };
}

/** How much of what a row shows was shown: so many records, and its gaps up to this one. */
type Shown = Readonly<{ count: number; gap: string }>;

const NOTHING: Shown = { count: 0, gap: "" };

/** Where a page begins: with what is left of the row that the page before ended in. */
function startOf(beyond: PageRequest["beyond"]) {
  const [placedAt = null, rank = null, mark = null, count = 0, gap = ""] = beyond ?? [];
  const shown: Shown = { count: Number(count), gap: String(gap) };
  return {
    place: beyond === null ? null : [placedAt, rank, mark],
    shown,
    isSame: (row: Row) =>
      beyond !== null && row.placed_at === placedAt && row.rank === rank && row.mark === mark,
  };
}

const bytesMax = LIST_BYTES_MAX;

/** From the row at the place on, which may be shown in part. */
async function readRows(
  rows: Rows,
  account: string,
  { place }: Readonly<{ place: readonly Value[] | null }>,
  { limit, descending }: Readonly<{ limit: number; descending: boolean }>,
): Promise<readonly Row[]> {
  const where = [{ column: "account", is: "=", value: account }] as const;
  const order = { orderBy: ["account", "placed_at", "rank", "mark"], descending };
  if (place === null) return rows.select(ENTRIES, { where, ...order, limit, bytesMax });
  const [placedAt = null, rank = null, mark = null] = place;
  const at = await rows.select(ENTRIES, {
    where: [
      ...where,
      { column: "placed_at", is: "=", value: placedAt },
      { column: "rank", is: "=", value: rank },
      { column: "mark", is: "=", value: mark },
    ],
    ...order,
    limit: 1,
  });
  const beyond = [account, ...place];
  const behind = await rows.select(ENTRIES, { where, ...order, beyond, limit, bytesMax });
  return [...at, ...behind].slice(0, limit);
}

type Showing = Readonly<{ rows: Rows; gaps: Gaps; limit: number }>;

type Part = Readonly<{ record: EntryRecord }> & Shown;

/** What is left to show of a row, each with how much is shown with it: gaps that it closed at last. */
async function* shownForwards(showing: Showing, row: Row, from: Shown): AsyncGenerator<Part> {
  if (from.gap === "") {
    const records = await recordsAt(showing, row);
    yield* records.map((record, at) => ({ record, count: at + 1, gap: "" })).slice(from.count);
  }
  yield* gapsBehind(showing, row, from);
}

/** The same from its end; the gaps behind a row have no order but that of their names. */
async function* shownBackwards(showing: Showing, row: Row, from: Shown): AsyncGenerator<Part> {
  if (from.count === 0) yield* gapsBehind(showing, row, from);
  const records = (await recordsAt(showing, row)).reverse();
  yield* records.map((record, at) => ({ record, count: at + 1, gap: "" })).slice(from.count);
}

/** A row, and what is shown with it, but for the gaps behind it. */
async function recordsAt({ rows, gaps }: Showing, row: Row): Promise<EntryRecord[]> {
  const { opening, entry, contradictions } = await shownEntry(rows, row);
  const before = await gaps.before(row);
  return [...(opening === null ? [] : [opening]), ...before, entry, ...contradictions];
}

/** As many at once as a page may still hold. */
async function* gapsBehind(
  { gaps, limit }: Showing,
  row: Row,
  { count, gap }: Shown,
): AsyncGenerator<Part> {
  for (let last: string | null = gap || null; ; ) {
    const closed = await gaps.after(row, last, limit + 1);
    for (const { id, gap } of closed) yield { record: gap, count, gap: id };
    if (closed.length <= limit) return;
    last = closed.at(-1)?.id ?? null;
  }
}

/** The run's id; Layer1: its message's time. */
export const runIdOf = ({ id }: Row): string => String(id).slice("run:".length);

/** An entry as its account's history shows it, with what is shown around it but for the gaps. */
export type ShownEntry = Readonly<{
  opening: EntryRecord | null;
  entry: EntryRecord;
  contradictions: readonly EntryRecord[];
}>;

type StoredFacts = Readonly<{ report: FactState | null; movements: readonly FactState[] }>;

export async function shownEntry(rows: Rows, row: Row): Promise<ShownEntry> {
  const facts = { report: reportFrom(row), movements: await readMovements(rows, row) };
  const entry = row.kind === "run" ? runEntry(row, facts) : snapshotEntry(row, facts);
  return { opening: openingBefore(row), entry, contradictions: contradictionsOf(row, facts) };
}

function placeOf(row: Row) {
  return {
    occurred_at: timeIn(row.occurred_at),
    effective_at: timeIn(row.effective_at),
    delivery_id: textIn(row.delivery_id),
    position: positionIn(row.position),
  };
}

/** A run that reports no balance shows the one that its movements lead to. */
function runEntry(row: Row, { movements }: StoredFacts): EntryRecord {
  return {
    kind: "run",
    run_id: runIdOf(row),
    run_type: textIn(row.run_type),
    change: textIn(row.change),
    balance: textIn(row.running),
    late: row.late === 1,
    movements: movementRecords(movements),
    movement_count: Number(row.movements),
    ...placeOf(row),
  };
}

function snapshotEntry(row: Row, { report }: StoredFacts): EntryRecord {
  const place = report?.data.place as Place | undefined;
  return {
    kind: "snapshot",
    run_id: null,
    connection: place?.connection ?? null,
    frame: place?.frame ?? null,
    change: null,
    balance: textIn(row.balance),
    late: row.late === 1,
    ...placeOf(row),
  };
}

/** What the account held before its first report, where that was not zero. */
function openingBefore(row: Row): EntryRecord | null {
  const balance = textIn(row.opening);
  if (balance === null) return null;
  return {
    kind: "opening",
    before_run_id: runIdOf(row),
    balance,
    effective_at: timeIn(row.effective_at),
    position: positionIn(row.position),
  };
}

type Contradiction = Extract<EntryRecord, { kind: "contradiction" }>;

function contradictionsOf(row: Row, { report, movements }: StoredFacts): Contradiction[] {
  const states = report === null ? movements : [report, ...movements];
  return states
    .filter(({ withdrawn }) => !withdrawn)
    .flatMap((state) => state.contradicted.map((second) => contradiction(row, state, second)));
}

function contradiction(
  row: Row,
  { data }: FactState,
  { contradicts, position, deliveryId }: FactState["contradicted"][number],
): Contradiction {
  const names = Object.keys(contradicts);
  const stated = Object.fromEntries(names.map((name) => [name, data[name] ?? null]));
  return {
    kind: "contradiction",
    run_id: row.kind === "run" ? runIdOf(row) : null,
    stated: stated as Contradiction["stated"],
    contradicted_by: contradicts as Contradiction["contradicted_by"],
    ...placeOf(row),
    delivery_id: deliveryId,
    position: String(position),
  };
}

type Gap = Extract<EntryRecord, { kind: "gap" }>;

/** A closed gap, and the name by which those behind the same entry are read on. */
export type ClosedGap = Readonly<{ id: string; gap: Gap }>;

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
export async function readGaps(rows: Rows, account: string): Promise<Gaps> {
  const first = await readFirst(rows, `gap:${account}:`);
  const isWhole = first.length < FIRST_MAX;
  const further = isWhole ? [] : await readFirst(rows, `gap:${account}:snapshot:`);
  const known = new Map([...first, ...further].map((row) => [String(row.id), row]));
  const closed = [...known.values()].filter((row) => row.closed_position !== null).map(closedGap);
  const byAfter = Map.groupBy(closed, ({ gap }) => gap.after_run_id);
  const byBefore = Map.groupBy(closed, ({ gap }) => gap.before_run_id);

  async function anomalyOf(id: string): Promise<Row | null> {
    return known.get(id) ?? (isWhole ? null : rows.get(ANOMALIES, [id]));
  }

  async function alone(entry: Row): Promise<readonly Gap[]> {
    const found: Gap[] = [];
    for (const { gap } of byBefore.get(nameOf(entry)) ?? []) {
      if (!(await standsIn(rows, account, gap.after_run_id))) found.push(gap);
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
      if (!isWhole) return closedAfter(rows, { account, name, beyond, limit });
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
}>;

/** A gap's id begins with the entry before it. Open ones among them are passed by. */
async function closedAfter(
  rows: Rows,
  { account, name, beyond, limit }: After,
): Promise<readonly ClosedGap[]> {
  const found: ClosedGap[] = [];
  const where = beginsWith("id", `gap:${account}:${name}..`);
  for (let last = beyond; found.length < limit; ) {
    const key = beyondPart(last === null ? null : [last]);
    const page = await rows.select(ANOMALIES, { where, orderBy: ["id"], ...key, limit });
    const closed = page.filter((row) => row.closed_position !== null).map(closedGap);
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

async function standsIn(rows: Rows, account: string, name: string | null): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await rows.get(ENTRIES, [account, id])) !== null;
}
