import { counted } from "@counterfoil/core/exact/text";
import { GenerationMissing, ModelLaidOutOtherwise } from "../ports/errors.ts";
import { PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { ModelReader, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { everyRow, inOrderOf } from "../projection/selection.ts";

/** A row that differs between two generations; null on the side where it is missing. */
export type RowDifference = Readonly<{
  table: string;
  key: readonly string[];
  live: Row | null;
  rebuilt: Row | null;
  /** Columns that differ. */
  columns: readonly string[];
}>;

const PAGE = 1000;

/** Finds the first rows that differ, table by table, in key order. */
export async function compareRows(
  tables: readonly Table[],
  live: Rows,
  rebuilt: Rows,
  limit: number,
): Promise<readonly RowDifference[]> {
  const found: RowDifference[] = [];
  for (const table of tables) {
    for await (const difference of differencesIn(table, live, rebuilt)) {
      if (found.length >= limit) return found;
      found.push(difference);
    }
  }
  return found;
}

/** Finds all rows of a table that differ, in key order. */
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

/** Reads the rows of a table one by one, in key order. */
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

/** Negative if `a` comes first, or is alone. */
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

/** How a new version of a model differs from the previous one at a position. */
export type VersionDifferences = Readonly<{
  position: number;
  /** Number of differing rows by table; null if the old version has another layout of the table. */
  counts: Readonly<Record<string, number | null>>;
  /** The first differing rows of each table. */
  samples: readonly RowDifference[];
}>;

const SAMPLES = 5;

/** The tables that are served to readers; the others are the projector's own. */
export const shownTables = (tables: readonly Table[]): readonly Table[] =>
  tables.filter(({ digested }) => digested === "both");

/** Only reading shows that rows of another version lack a column that readers need. */
export const readFirstRow = (rows: Rows, table: Table): Promise<readonly Row[]> =>
  rows.select(table, { orderBy: table.key, limit: 1 });

/** A table that is served to readers, and whether the old version has it with the same columns. */
type ServedTable = Readonly<{ table: Table; isReadable: boolean }>;

/**
 * The tables to compare between versions. Each is tried in a
 * snapshot of its own, because the error of a missing column ends a snapshot on PostgreSQL.
 */
export async function servedTables(
  tables: readonly Table[],
  old: ModelReader,
): Promise<readonly ServedTable[]> {
  const served: ServedTable[] = [];
  for (const table of shownTables(tables)) {
    served.push({ table, isReadable: await isReadable(table, old) });
  }
  return served;
}

async function isReadable(table: Table, old: ModelReader): Promise<boolean> {
  try {
    await old.snapshot((rows) => readFirstRow(rows, table));
    return true;
  } catch (error) {
    if (error instanceof ModelLaidOutOtherwise || error instanceof GenerationMissing) return false;
    throw error;
  }
}

/** Compares the rows of an old version of a model with those of the new one. */
export async function compareVersions(
  tables: readonly ServedTable[],
  old: Rows,
  rebuilt: Rows,
  position: number,
): Promise<VersionDifferences> {
  const counts: Record<string, number | null> = {};
  const samples: RowDifference[] = [];
  for (const { table, isReadable } of tables) {
    if (!isReadable) {
      counts[table.name] = null;
      continue;
    }
    let count = 0;
    for await (const difference of differencesIn(withoutAdded(table), old, rebuilt)) {
      count += 1;
      if (count <= SAMPLES) samples.push(difference);
    }
    counts[table.name] = count;
  }
  return { position, counts, samples };
}

/** A table as an old version may have it, which lacks the columns that were added since. */
export function withoutAdded(table: Table): Table {
  const kept = Object.entries(table.columns).filter(([, { isAdded }]) => !isAdded);
  return { ...table, columns: Object.fromEntries(kept) };
}

const DESCRIBED_MAX = 5;

/** Describes the first differing rows. */
export function describeDifferences(differences: readonly RowDifference[]): string {
  const described = differences.slice(0, DESCRIBED_MAX).map(describeDifference);
  const rest = differences.length - DESCRIBED_MAX;
  const more = rest > 0 ? [`and ${counted(rest, "more row")}`] : [];
  return ["live and rebuilt rows differ", ...described, ...more].join("; ");
}

/** Describes the differences of a new model version: the number of rows by table, and the first of them. */
export function describeVersions({ position, counts, samples }: VersionDifferences): string {
  const tables = Object.entries(counts).map(([table, count]) =>
    count === null
      ? `${table}: laid out otherwise`
      : `${table}: ${counted(count, "differing row")}`,
  );
  const at = `at position ${position}, against the version before: ${tables.join(", ")}`;
  return [at, ...samples.map(describeDifference)].join("; ");
}

/** Says which row differs, and in what. */
export function describeDifference({ table, key, live, rebuilt, columns }: RowDifference): string {
  const row = `${table} ${key.join("/")}`;
  if (live === null) return `${row} is only in the rebuilt model`;
  if (rebuilt === null) return `${row} is only in the live model`;
  return `${row} differs in ${columns.join(", ")}`;
}
