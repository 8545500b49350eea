import { GenerationMissing, ModelLaidOutOtherwise, ModelUnavailable } from "../ports/errors.ts";
import {
  type Changes,
  type Checkpoint,
  type Commit,
  type ModelCatalogue,
  type ModelLayout,
  type ModelReader,
  type ModelStore,
  type Row,
  type Rows,
  type Selection,
  type StoreName,
  type Table,
  takeRows,
  type Value,
} from "../ports/model-store.ts";
import { inOrderOf, isAmong, isBeyond, meets } from "../projection/selection.ts";

const NO_ROWS = "0".repeat(64);
const START: Checkpoint = { position: 0, hash: "", digest: NO_ROWS, state_digest: NO_ROWS };

/** Everything as of one commit. */
type Moment = Readonly<{ tables: ReadonlyMap<string, TableRows>; checkpoint: Checkpoint }>;

type Generation = {
  readonly modelVersion: number;
  moment: Moment;
  isBuilding: boolean;
  /** Rows that a snapshot may still see; a commit changes a copy of them. */
  readonly seen: WeakSet<TableRows>;
};

export function createMemoryModelCatalogue(): ModelCatalogue {
  const models = new Map<StoreName, Map<number, Generation>>();
  const generationsOf = (model: StoreName) => {
    const generations = models.get(model) ?? new Map<number, Generation>();
    models.set(model, generations);
    return generations;
  };
  const find = (model: StoreName, number: number): Generation => {
    const found = generationsOf(model).get(number);
    if (found !== undefined && !found.isBuilding) return found;
    throw new GenerationMissing(`no generation ${number} of model ${model} in memory`);
  };

  return {
    generations: async (model) =>
      [...generationsOf(model)]
        .filter(([, { isBuilding }]) => !isBuilding)
        .sort(([a], [b]) => a - b)
        .map(([generation, { modelVersion, moment }]) => ({
          generation,
          modelVersion,
          checkpoint: moment.checkpoint,
        })),
    create: async (model, { tables, modelVersion, generation }) => {
      const generations = generationsOf(model);
      const number = generation ?? Math.max(0, ...generations.keys()) + 1;
      if (generations.has(number)) return null;
      generations.set(number, newGeneration({ tables, modelVersion }));
      return number;
    },
    openForWriting: async (model, number) => {
      const stored = find(model, number);
      return storeOf(model, number, stored, () => find(model, number));
    },
    openForBuilding: async (model, number) => {
      const generation = find(model, number);
      generation.isBuilding = true;
      const finish = async () => {
        generation.isBuilding = false;
      };
      return { ...storeOf(model, number, generation), finish };
    },
    openForReading: async (model, number) => readerOf(model, number, find(model, number)),
    openScratch: async (model, layout) => storeOf(model, 0, newGeneration(layout)),
    drop: async (model, number) => void generationsOf(model).delete(number),
    close: async () => {},
  };
}

function newGeneration({ tables, modelVersion }: ModelLayout): Generation {
  const empty = new Map(tables.map(({ name }) => [name, new Map<string, Row>()]));
  const moment = { tables: empty, checkpoint: START };
  return { modelVersion, moment, isBuilding: false, seen: new WeakSet() };
}

/** @param find the generation as it is found now, by a store that is open longer */
function storeOf(
  model: StoreName,
  generation: number,
  stored: Generation,
  find = () => stored,
): ModelStore {
  let known = stored.moment.checkpoint;
  /** The stored moment with what is staged. */
  let staged: Moment | null = null;
  const write = (changes: Changes, checkpoint: Checkpoint): Moment => {
    const base = staged ?? stored.moment;
    staged = null;
    if (stored.moment.checkpoint === known)
      return momentAfter(base, stored.seen, { ...changes, checkpoint });
    throw new ModelUnavailable(`another process has written to generation ${generation}`);
  };
  return {
    model,
    generation,
    ...rowsOf(() => staged ?? stored.moment),
    checkpoint: async () => {
      staged = null;
      known = find().moment.checkpoint;
      return known;
    },
    stage: async (changes) => {
      // What is staged may be discarded, so it changes a copy.
      for (const rows of (staged ?? stored.moment).tables.values()) stored.seen.add(rows);
      staged = write(changes, known);
    },
    commit: async ({ checkpoint, ...changes }) => {
      stored.moment = write(changes, checkpoint);
      known = checkpoint;
    },
    close: async () => {},
  };
}

function readerOf(model: StoreName, generation: number, stored: Generation): ModelReader {
  return {
    model,
    generation,
    snapshot: async (read) => {
      const { moment } = stored;
      for (const rows of moment.tables.values()) stored.seen.add(rows);
      return read(
        rowsOf(() => moment),
        moment.checkpoint,
        stored.modelVersion,
      );
    },
    close: async () => {},
  };
}

function rowsOf(moment: () => Moment): Rows {
  const rows = (table: Table) => tableRows(moment(), table);
  return {
    get: async (table, key) => withAdded(table, rows(table).get(keyOf(key)) ?? null),
    select: async (table, selection) => {
      const { among } = selection;
      const own = [...rows(table).values()];
      const shown = own.filter((row) => isAmong(row, among, (other) => rows(other).values()));
      return selectRows(shown, table, selection).map((row) => withAdded(table, row));
    },
    count: async (table, where = [], most = Number.POSITIVE_INFINITY) => {
      checkColumns(
        table,
        where.map(({ column }) => column),
      );
      const found = [...rows(table).values()].filter((row) => meets(row, where)).length;
      return Math.min(found, most);
    },
  };
}

/** The row with the columns that were added since it was written. */
function withAdded<Found extends Row | null>({ columns }: Table, row: Found): Found {
  if (row === null) return row;
  const lacking = Object.keys(columns).filter((name) => columns[name]?.isAdded && !(name in row));
  if (lacking.length === 0) return row;
  return { ...row, ...Object.fromEntries(lacking.map((name) => [name, null])) };
}

function tableRows(moment: Moment, table: Table): TableRows {
  const rows = moment.tables.get(table.name);
  if (rows !== undefined) return rows;
  throw new ModelLaidOutOtherwise(
    `this generation has no table ${table.name}; it has ${[...moment.tables.keys()]}`,
  );
}

/** Everything that can fail comes first, on copies, so that a commit is all or nothing. */
function momentAfter(moment: Moment, seen: Generation["seen"], commit: Commit): Moment {
  const checked = ({ table, rows }: Commit["puts"][number]) => ({
    table,
    rows: rows.map((row) => checkedRow(table, row)),
  });
  const [inserts, puts] = [commit.inserts.map(checked), commit.puts.map(checked)];
  for (const { table, rows } of inserts) checkNew(table, rows, tableRows(moment, table));
  const written = [...inserts, ...puts];
  const touched = new Set([...written, ...commit.deletes].map(({ table }) => table));
  const changed = new Map(
    [...touched].map((table) => [table.name, changeable(tableRows(moment, table), seen)]),
  );
  for (const { table, rows } of written) {
    for (const row of rows) changed.get(table.name)?.set(keyOfRow(table, row), row);
  }
  for (const { table, keys } of commit.deletes) {
    for (const key of keys) changed.get(table.name)?.delete(keyOf(key));
  }
  return { tables: new Map([...moment.tables, ...changed]), checkpoint: commit.checkpoint };
}

function checkNew(table: Table, rows: readonly Row[], present: TableRows): void {
  const taken = new Set<string>();
  for (const row of rows) {
    const key = keyOfRow(table, row);
    if (present.has(key) || taken.has(key)) throw new Error(`${table.name} has a row ${key}`);
    taken.add(key);
  }
}

/** A copy where a snapshot may see the rows; what nobody sees is changed where it is. */
function changeable(rows: TableRows, seen: WeakSet<TableRows>): Map<string, Row> {
  return seen.has(rows) ? new Map(rows) : (rows as Map<string, Row>);
}

/** The rows of one table by their key, see `keyOf`. */
type TableRows = ReadonlyMap<string, Row>;

function keyOf(key: readonly Value[]): string {
  return JSON.stringify(key.map((value) => (typeof value === "bigint" ? `${value}n` : value)));
}

function keyOfRow(table: Table, row: Row): string {
  return keyOf(table.key.map((column) => row[column] ?? null));
}

/** A row of exactly the described columns. Engines with a schema refuse others too. */
function checkedRow(table: Table, row: Row): Row {
  const missing = Object.keys(table.columns).find((column) => row[column] === undefined);
  if (missing === undefined) {
    return Object.fromEntries(Object.keys(table.columns).map((name) => [name, row[name] ?? null]));
  }
  throw new Error(`a row of ${table.name} has no ${missing}; what is absent must be null`);
}

function selectRows(rows: readonly Row[], table: Table, selection: Selection): readonly Row[] {
  const { where = [], orderBy, limit } = selection;
  checkColumns(table, [...where.map(({ column }) => column), ...orderBy]);
  const found = rows
    .filter((row) => meets(row, where) && isBeyond(row, selection))
    .sort(inOrderOf(selection))
    .slice(0, limit);
  return takeRows(found, selection);
}

function checkColumns(table: Table, names: readonly string[]): void {
  const unknown = names.find((name) => !Object.hasOwn(table.columns, name));
  if (unknown !== undefined) throw new Error(`table ${table.name} has no column ${unknown}`);
}
