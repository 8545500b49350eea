import { isEngineError } from "../ports/errors.ts";
import { PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row, Selection, Table, Value } from "../ports/table.ts";
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
export async function* differencesIn(
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
