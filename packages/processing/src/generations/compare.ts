import type { ModelName } from "@counterfoil/contracts/fact";
import { recordsAt, type Source, sourcesOf } from "../changes/change-rows.ts";
import { isEngineError } from "../ports/errors.ts";
import { type EventStream, PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { Condition, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { everyRow, inOrderOf } from "../projection/selection.ts";

/** A row that is not the same in two generations; null where it is missing. */
export type RowDifference = Readonly<{
  table: string;
  key: readonly string[];
  live: Row | null;
  rebuilt: Row | null;
  /** Columns that differ. */
  columns: readonly string[];
}>;

const PAGE = 1000;

/** The first rows that differ, table by table in the order of their keys. */
export async function compareRows(
  tables: readonly Table[],
  live: Rows,
  rebuilt: Rows,
  limit: number,
): Promise<readonly RowDifference[]> {
  const found: RowDifference[] = [];
  for (const table of tables.filter(({ digested }) => digested !== "none")) {
    for await (const difference of differencesIn(table, live, rebuilt)) {
      if (found.length >= limit) return found;
      found.push(difference);
    }
  }
  return found;
}

/** Every row of a table that differs, in the order of the keys. */
async function* differencesIn(
  table: Table,
  live: Rows,
  rebuilt: Rows,
): AsyncGenerator<RowDifference> {
  const left = cursor(table, live);
  const right = cursor(table, rebuilt);
  let [a, b] = [await left(), await right()];
  while (a !== null || b !== null) {
    const order = compareKeys(table, a, b);
    const pair = { live: order <= 0 ? a : null, rebuilt: order >= 0 ? b : null };
    const found = differenceOf(table, pair);
    if (found !== null) yield found;
    if (order <= 0) a = await left();
    if (order >= 0) b = await right();
  }
}

/** The rows of a table one by one, in the order of their keys. */
function cursor(table: Table, rows: Rows): () => Promise<Row | null> {
  const all = everyRow(rows, table, byKey(table));
  return async () => (await all.next()).value ?? null;
}

const byKey = (table: Table): Selection => ({
  orderBy: table.key,
  limit: PAGE,
  bytesMax: PAGE_BYTES_MAX,
});

const keyOf = (table: Table, row: Row): Value[] => table.key.map((column) => row[column] ?? null);

/** Below zero where `a` comes first, or alone. */
function compareKeys(table: Table, a: Row | null, b: Row | null): number {
  if (a === null || b === null) return a === null ? 1 : -1;
  return inOrderOf(byKey(table))(a, b);
}

function differenceOf(
  table: Table,
  { live, rebuilt }: Readonly<{ live: Row | null; rebuilt: Row | null }>,
): RowDifference | null {
  const row = live ?? rebuilt;
  if (row === null) return null;
  const columns = Object.keys(table.columns).filter(
    (column) => live === null || rebuilt === null || live[column] !== rebuilt[column],
  );
  if (columns.length === 0) return null;
  return { table: table.name, key: keyOf(table, row).map(String), live, rebuilt, columns };
}

/** What a new version of a model says otherwise than the one before, at one position. */
export type VersionDifferences = Readonly<{
  position: number;
  /** Rows that differ, by table; null where the old version laid the table out otherwise. */
  counts: Readonly<Record<string, number | null>>;
  /** The first of each table. */
  samples: readonly RowDifference[];
}>;

const SAMPLES = 5;

/** Compares the tables whose rows are what readers are told; the others serve the projector. */
export async function compareVersions(
  tables: readonly Table[],
  old: Rows,
  rebuilt: Rows,
  position: number,
): Promise<VersionDifferences> {
  const counts: Record<string, number | null> = {};
  const samples: RowDifference[] = [];
  for (const table of tables.filter(({ digested }) => digested === "both")) {
    let count = 0;
    try {
      for await (const difference of differencesIn(table, old, rebuilt)) {
        count += 1;
        if (count <= SAMPLES) samples.push(difference);
      }
      counts[table.name] = count;
    } catch (error) {
      if (isEngineError(error)) throw error;
      // The old version has no such table or column, and its engine says so in its own words.
      counts[table.name] = null;
    }
  }
  return { position, counts, samples };
}

const SHOWN = 5;

/** The first differing rows, in words. */
export function describeDifferences(differences: readonly RowDifference[]): string {
  const shown = differences.slice(0, SHOWN).map(describeDifference);
  const more = differences.length > SHOWN ? [`and ${differences.length - SHOWN} more rows`] : [];
  return ["live and rebuilt rows differ", ...shown, ...more].join("; ");
}

/** What a new model version says otherwise: how many rows, and the first of them. */
export function describeVersions({ position, counts, samples }: VersionDifferences): string {
  const tables = Object.entries(counts).map(([table, count]) =>
    count === null ? `${table}: laid out otherwise` : `${table}: ${count} rows differ`,
  );
  const at = `at position ${position}, against the version before: ${tables.join(", ")}`;
  return [at, ...samples.map(describeDifference)].join("; ");
}

function describeDifference({ table, key, live, rebuilt, columns }: RowDifference): string {
  const row = `${table} ${key.join("/")}`;
  if (live === null) return `${row} is only in the rebuilt model`;
  if (rebuilt === null) return `${row} is only in the live model`;
  return `${row} differs in ${columns.join(", ")}`;
}

/** What became of an account or a record between two positions; null where it did not exist. */
export type RecordDifference = Readonly<{
  model: ModelName;
  id: string;
  /** As HTTP serves it. */
  before: object | null;
  after: object | null;
  /** The ids of the events that changed it in between, in their order. */
  facts: readonly string[];
}>;

/** Positions, and one account or record alone where `id` names it. */
type Between = Readonly<{ after: number; upTo: number; id?: string }>;

/**
 * Accounts, or records of a lifecycle, that are not what they were, in the order of their ids.
 *
 * @param rows of the model folded up to the later position: each event that changed a record left a
 *   row there, so that what it was before needs no second fold
 */
export async function* recordDifferences(
  stream: EventStream,
  rows: Rows,
  model: ModelName,
  between: Between,
): AsyncGenerator<RecordDifference> {
  const [source] = sourcesOf(model);
  if (source === undefined) return;
  const ids = between.id === undefined ? idsEver(rows, source) : [between.id];
  for await (const id of ids) {
    const positions = await changesOf(rows, source, id, between);
    if (positions.length === 0) continue;
    const recordAt = async (position: number) =>
      (await recordsAt(rows, source, { ids: [id], position })).get(id) ?? null;
    const [before, after] = [await recordAt(between.after), await recordAt(between.upTo)];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    const facts: string[] = [];
    for (const position of positions) {
      const [event] = await stream.read({ after: position - 1, limit: 1 });
      if (event !== undefined) facts.push(event.id);
    }
    yield { model, id, before, after, facts };
  }
}

/** Every id that ever had a record, found by skipping from one to the next along an index. */
async function* idsEver(rows: Rows, { changes, id }: Source): AsyncGenerator<string> {
  const orderBy = [id, "position"];
  for (let last: string | null = null; ; ) {
    const beyond = last === null ? {} : { beyond: [last, Number.MAX_SAFE_INTEGER] };
    const [next] = await rows.select(changes, { orderBy, ...beyond, limit: 1 });
    if (next === undefined) return;
    last = String(next[id]);
    yield last;
  }
}

/** Only a hot account has more changes than one page. */
const CHANGES_PAGE = 1000;

async function changesOf(
  rows: Rows,
  { changes, id }: Source,
  wanted: string,
  { after, upTo }: Between,
): Promise<readonly number[]> {
  const where: Condition[] = [
    { column: id, is: "=", value: wanted },
    { column: "position", is: "<=", value: upTo },
  ];
  const found: number[] = [];
  for (let last = after; ; ) {
    const beyond = [wanted, last];
    const page = await rows.select(changes, {
      ...{ where, orderBy: [id, "position"], beyond, limit: CHANGES_PAGE },
    });
    found.push(...page.map(({ position }) => Number(position)));
    if (page.length < CHANGES_PAGE) return found;
    last = found.at(-1) ?? upTo;
  }
}
