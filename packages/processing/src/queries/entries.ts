import type { EntryRecord } from "@counterfoil/contracts/record";
import type { FactState, Place } from "@counterfoil/core/ingest/fact-state";
import { isCorrected, reportFrom } from "../models/balances/entry-row.ts";
import type { Clock } from "../ports/clock.ts";
import {
  type ColumnType,
  type Condition,
  isLastRows,
  type Row,
  type Rows,
  type Selection,
  type Value,
} from "../ports/model-store.ts";
import {
  ENTRY_ORDER,
  type EntryReading,
  type Gaps,
  lastEntry,
  readGaps,
} from "./account-history.ts";
import {
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  positionIn,
  textIn,
  timeIn,
} from "./answers.ts";
import { ENTRY_VERSIONS, type Moment, NOW, selectAt } from "./moment.ts";
import { MOVEMENTS_SHOWN, movementRecords, readMovements } from "./runs.ts";

/**
 * The row's place in its account's order, how many of its records were shown, and the id of the
 * last shown gap after it.
 */
export const ENTRY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer", "text"];

type EntryQuery = Readonly<{
  page: PageRequest;
  /** Whether the newest entries come first. */
  descending?: boolean;
  moment?: Moment;
  nextTurn: Clock["nextTurn"];
}>;

/** Movements on one page, as many as ten full entries show; beyond it a page ends short. */
const MOVEMENTS_MAX = 10 * MOVEMENTS_SHOWN;
/** Number of entries processed before yielding. */
const BATCH = 100;

/**
 * An account's history in its order: the opening balance, runs and snapshots, gaps (closed ones,
 * too) and contradictions. A snapshot that only confirms the balance is not shown. As of a time, it
 * holds what took effect by then.
 */
export async function listEntries(
  rows: Rows,
  account: string,
  { page: { limit, beyond }, descending = false, moment = NOW, nextTurn }: EntryQuery,
): Promise<Page<EntryRecord>> {
  const { at_position: position } = moment;
  const within = await withinTime({ rows, account, position }, moment);
  if (within === null) return { data: [], next: null };
  const gaps = await readGaps(rows, account, moment);
  const start = startOf(beyond);
  const shownOf = descending ? partsBackwards : partsForwards;
  const from = { rows, account, position, within };
  const stored = await readRows(from, start, { limit: limit + 1, descending });
  const data: EntryRecord[] = [];
  let last = beyond;
  let movements = 0;
  for (const [at, row] of stored.entries()) {
    if (movements >= MOVEMENTS_MAX) return { data, next: last };
    if (at % BATCH === BATCH - 1) await nextTurn();
    movements += Math.min(MOVEMENTS_SHOWN, Number(row.movements));
    const shown = start.isSame(row) ? start.shown : NOTHING_SHOWN;
    const showing = { rows, gaps, limit, position };
    for await (const { record, ...place } of shownOf(showing, row, shown)) {
      // One record over the limit shows that another page follows.
      if (data.length === limit) return { data, next: last };
      data.push(record);
      last = [row.placed_at ?? 0n, row.rank ?? 0, row.mark ?? "", place.count, place.gap];
    }
  }
  return { data, next: isLastRows(stored, { limit: limit + 1, bytesMax }) ? null : last };
}

/** How much of a row was shown: the number of its records, and the id of the last gap. */
type Shown = Readonly<{ count: number; gap: string }>;

const NOTHING_SHOWN: Shown = { count: 0, gap: "" };

/** Where a page begins: with the remainder of the row in which the previous page ended. */
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

/** The conditions for entries that took effect by the time; null if there are none such. */
async function withinTime(
  reading: EntryReading,
  { as_of }: Moment,
): Promise<readonly Condition[] | null> {
  if (as_of === undefined) return [];
  const last = await lastEntry(reading, as_of);
  if (last === null) return null;
  return [
    { column: "effective_at", is: "<=", value: as_of },
    { column: "placed_at", is: "<=", value: last.placed_at ?? 0n },
  ];
}

/** Reads rows from the place on, including the row there, which may have been shown in part. */
async function readRows(
  { rows, account, position, within }: EntryReading & Readonly<{ within: readonly Condition[] }>,
  { place }: Readonly<{ place: readonly Value[] | null }>,
  { limit, descending }: Readonly<{ limit: number; descending: boolean }>,
): Promise<readonly Row[]> {
  const where: Condition[] = [{ column: "account", is: "=", value: account }, ...within];
  const order = { orderBy: ENTRY_ORDER, descending };
  const select = (selection: Selection) => selectAt(rows, ENTRY_VERSIONS, position, selection);
  if (place === null) return select({ where, ...order, limit, bytesMax });
  const [placedAt = null, rank = null, mark = null] = place;
  const at = await select({
    where: [
      ...where,
      { column: "placed_at", is: "=", value: placedAt },
      { column: "rank", is: "=", value: rank },
      { column: "mark", is: "=", value: mark },
    ],
    orderBy: ENTRY_ORDER,
    limit: 1,
  });
  const beyond = [account, ...place];
  const behind = await select({ where, ...order, beyond, limit, bytesMax });
  return [...at, ...behind].slice(0, limit);
}

type PartSources = Readonly<{
  rows: Rows;
  gaps: Gaps;
  limit: number;
  position: number | undefined;
}>;

type Part = Readonly<{ record: EntryRecord }> & Shown;

/** The remaining records of a row, each with how much is shown after it; closed gaps come last. */
async function* partsForwards(showing: PartSources, row: Row, from: Shown): AsyncGenerator<Part> {
  if (from.gap === "") {
    const records = await recordsAt(showing, row);
    yield* records.map((record, at) => ({ record, count: at + 1, gap: "" })).slice(from.count);
  }
  yield* gapsAfter(showing, row, from);
}

/** The same in reverse, except that gaps after a row are always in the order of their ids. */
async function* partsBackwards(showing: PartSources, row: Row, from: Shown): AsyncGenerator<Part> {
  if (from.count === 0) yield* gapsAfter(showing, row, from);
  const records = (await recordsAt(showing, row)).reverse();
  yield* records.map((record, at) => ({ record, count: at + 1, gap: "" })).slice(from.count);
}

/** The records of a row in order, without the closed gaps after it. */
async function recordsAt({ rows, gaps, position }: PartSources, row: Row): Promise<EntryRecord[]> {
  const { opening, entry, contradictions } = await shownEntry(rows, row, position);
  const before = await gaps.before(row);
  return [...(opening === null ? [] : [opening]), ...before, entry, ...contradictions];
}

/** The closed gaps after a row, read in batches of one page. */
async function* gapsAfter(
  { gaps, limit }: PartSources,
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

/** The run's id; for Layer1, the time of its message. */
export const runIdOf = ({ id }: Row): string => String(id).slice("run:".length);

/** An entry as shown in its account's history, with its opening balance and contradictions. */
type ShownEntry = Readonly<{
  opening: EntryRecord | null;
  entry: EntryRecord;
  contradictions: readonly EntryRecord[];
}>;

type StoredFacts = Readonly<{ report: FactState | null; movements: readonly FactState[] }>;

/** @param position at which the row is read; now if omitted */
export async function shownEntry(rows: Rows, row: Row, position?: number): Promise<ShownEntry> {
  const facts = { report: reportFrom(row), movements: await readMovements(rows, row, position) };
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
function runEntry(row: Row, { report, movements }: StoredFacts): EntryRecord {
  return {
    kind: "run",
    run_id: runIdOf(row),
    run_type: textIn(row.run_type),
    change: textIn(row.change),
    balance: textIn(row.running),
    late: row.late === 1,
    corrected: isCorrected(row, report),
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
    corrected: isCorrected(row, report),
    ...placeOf(row),
  };
}

/** The account's balance before its first report, if that was not zero. */
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
