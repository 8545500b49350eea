import { randomUUID } from "node:crypto";
import { GenerationMissing } from "@counterfoil/processing/ports/errors";
import type {
  Checkpoint,
  ColumnType,
  Condition,
  ModelReader,
  Row,
  Rows,
  Selection,
  StoreName,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import type { ClientBase } from "pg";
import { MODEL } from "../sql/engine-errors.ts";
import { lacksIn, type StoredColumns, storedColumns } from "../sql/stored-columns.ts";
import {
  CHECKPOINT_COLUMNS,
  checkpointOf,
  createTableSql,
  createTablesSql,
  type Dialect,
  type Query,
  quoted,
  quotedList,
} from "../sql/tables.ts";
import { type Cells, type Pool, queryCells, type Statement } from "./client.ts";
import type { Layout } from "./layout.ts";
import { ledgerSchema, modelSchema, portError, type Server } from "./server.ts";

/**
 * The catalogue has one row for each generation; inserting it claims the number. `fence` is replaced by
 * every commit: a writer that does not know the current one has not seen the last commit. While a row
 * is `building`, it reserves its number, but is not a generation yet.
 */
export const MODELS_LAYOUT: Layout = {
  part: "models",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.generations (
        model text COLLATE "C" NOT NULL,
        generation integer NOT NULL,
        format integer NOT NULL,
        model_version integer NOT NULL,
        tables text[] NOT NULL,
        position bigint NOT NULL,
        hash text NOT NULL,
        digest text NOT NULL,
        state_digest text NOT NULL,
        fence text NOT NULL,
        building boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (model, generation)
      )`,
  ],
};

/** Identifies a generation of a model in a ledger, and so its tables. */
export type Place = Readonly<{ ledger: string; model: StoreName; generation: number }>;

export function catalogueOf(ledger: string): string {
  return `${quoted(ledgerSchema(ledger))}.generations`;
}

const UNUSED = "unused ";

/** The first fence of a generation, to which nothing has been committed. */
export const unusedFence = (): string => `${UNUSED}${randomUUID()}`;
export const isUnused = (fence: string): boolean => fence.startsWith(UNUSED);

const storedName = ({ generation }: Pick<Place, "generation">, { name }: Table): string =>
  `${name}_${generation}`;

/** The quoted, qualified name of a generation's table. */
export function tableName(place: Place, table: Table): string {
  const { ledger, model } = place;
  return `${quoted(modelSchema(ledger, model))}.${quoted(storedName(place, table))}`;
}

export const POSTGRES: Dialect = {
  // Orders text by code points, independent of the database's collation.
  types: { text: 'text COLLATE "C"', integer: "bigint", nanos: "bigint" },
  parameter: (nth) => `$${nth}`,
  isOneOf: (column, type, parameter) => `${column} = ANY(${parameter}::${arrayType(type)})`,
  listOf: (_, values) => values,
  limitOf: (parameter) => parameter,
  mistakesIndexes: true,
  isLike: (column, pieces, bind) => {
    const escaped = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return `${column} ~ ${bind(`^${escaped.join("[^:]*")}$`)}`;
  },
};

export const arrayType = (type: ColumnType): string => (type === "text" ? "text[]" : "bigint[]");

export function layOutTableSql(place: Place, table: Table): string {
  return `${createTableSql(POSTGRES, tableName(place, table), table)}; ${indexSql(place, table)}`;
}

/** The SQL that creates the indexes besides the key, named by the server; "" if there are none. */
export function indexSql(place: Place, table: Table): string {
  const name = tableName(place, table);
  return table.indexes.map((index) => `CREATE INDEX ON ${name} (${quotedList(index)});`).join(" ");
}

/** Reads the tables of one generation over any connection; each call sees its current snapshot. */
type TableRows = Readonly<{
  get(client: ClientBase, table: Table, key: readonly Value[]): Promise<Row | null>;
  select(client: ClientBase, table: Table, selection: Selection): Promise<readonly Row[]>;
  count(
    client: ClientBase,
    table: Table,
    where?: readonly Condition[],
    most?: number,
  ): Promise<number>;
}>;

/**
 * Settings for connections that select: nearly every selection is a page in the order of an index. Without
 * statistics the planner expects about two rows for a key, and for a key with many rows would collect
 * and sort all of them for each page.
 */
export const PAGES_BY_INDEX = {
  enable_bitmapscan: "off",
  enable_sort: "off",
  enable_incremental_sort: "off",
};

const sorting = (is: "on" | "off"): Statement => ({
  name: `sorting_${is}`,
  text: `SELECT set_config('enable_sort', '${is}', false), set_config('enable_incremental_sort', '${is}', false)`,
});

/** Runs one query whose rows may have to be sorted: of a list without an index in its order. */
async function whileSorting(client: ClientBase, query: () => Promise<readonly Cells[]>) {
  const [, cells] = await Promise.all([
    queryCells(client, sorting("on")),
    query(),
    queryCells(client, sorting("off")),
  ]);
  return cells;
}

/** @param stored the columns that are there, for a reader of what an older version laid out */
export function createTableRows(place: Place, stored: StoredColumns = new Map()): TableRows {
  const lacks = lacksIn(stored, (table) => storedName(place, table));
  const sqlOf = createTablesSql(POSTGRES, (table) => tableName(place, table), lacks);
  return {
    get: async (client, table, key) => {
      const { get, rowOf } = sqlOf(table);
      const [cells] = await queryCells(client, prepared(get), key);
      return cells === undefined ? null : rowOf(cells);
    },
    select: async (client, table, selection) => {
      const { select, rowOf } = sqlOf(table);
      const selected = select(selection);
      const { text, values } = bounded(table, selection, selected);
      const query = () => queryCells(client, prepared(text), values);
      return (await (selected.isInOrder ? query() : whileSorting(client, query))).map(rowOf);
    },
    count: async (client, table, where = [], most) => {
      const { text, values } = sqlOf(table).count(where, most);
      const [cells] = await queryCells(client, { text }, values);
      return Number(cells?.[0]);
    },
  };
}

/**
 * Limits a query to the rows up to and including the one with which their text reaches the selection's
 * bytes. The length of a long text is known without reading it, so the server reads only what it sends.
 */
function bounded(
  { columns }: Table,
  { orderBy, descending = false, bytesMax }: Selection,
  query: Query,
): Query {
  if (bytesMax === undefined) return query;
  const names = Object.keys(columns);
  const order = orderBy.map((name) => quoted(name) + (descending ? " DESC" : "")).join(", ");
  const texts = names.filter((name) => columns[name]?.type === "text");
  const length = ["0", ...texts.map((name) => `coalesce(octet_length(${quoted(name)}), 0)`)];
  const own = length.join(" + ");
  const text = `
    SELECT ${quotedList(names)} FROM (
      SELECT *, sum(${own}) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) - (${own}) AS "bytes before"
      FROM (${query.text}) AS found
    ) AS found
    WHERE "bytes before" < $${query.values.length + 1} ORDER BY ${order}`;
  return { text, values: [...query.values, bytesMax] };
}

const statements = new Map<string, Statement>();

/** Returns the statement of a text, with one name on all connections; each prepares it on first use. */
export function prepared(text: string): Statement {
  let statement = statements.get(text);
  if (statement === undefined) {
    statement = { name: `model${statements.size}`, text };
    statements.set(text, statement);
  }
  return statement;
}

/** @param pool shared by all readers; a snapshot waits while all of its connections are in use */
export function openModelReader(server: Server, pool: Pool, place: Place): ModelReader {
  const { model, generation, ledger } = place;
  /** Known from the first snapshot on: a generation keeps its layout. */
  let tables: TableRows | null = null;
  const statement = {
    name: "reader_checkpoint",
    text: `SELECT ${CHECKPOINT_COLUMNS}, model_version FROM ${catalogueOf(ledger)} WHERE model = $1 AND generation = $2`,
  };

  function rowsOf(client: ClientBase, tables: TableRows): Rows {
    const asPort = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw portError(error, MODEL, server);
      }
    };
    return {
      get: (table, key) => asPort(tables.get(client, table, key)),
      select: (table, selection) => asPort(tables.select(client, table, selection)),
      count: (table, where, most) => asPort(tables.count(client, table, where, most)),
    };
  }

  return {
    model,
    generation,
    snapshot: async (read) => {
      const { outcome } = await pool.use(async (client) => {
        const { checkpoint, modelVersion } = await beginSnapshot(client, statement, place);
        tables ??= createTableRows(place, await readColumns(client, place));
        // An error of the caller does not make the pool discard the connection.
        const [outcome] = await Promise.allSettled([
          read(rowsOf(client, tables), checkpoint, modelVersion),
        ]);
        await client.query("ROLLBACK");
        return { outcome };
      });
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    },
    close: async () => {},
  };
}

async function readColumns(client: ClientBase, { ledger, model }: Place): Promise<StoredColumns> {
  const text = `
    SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = $1 AND relkind = 'r' AND attnum > 0 AND NOT attisdropped`;
  return storedColumns(await queryCells(client, { text }, [modelSchema(ledger, model)]));
}

/** The transaction's first read fixes its snapshot, so the checkpoint belongs to the rows. */
async function beginSnapshot(
  client: ClientBase,
  statement: Statement,
  { model, generation }: Place,
): Promise<Readonly<{ checkpoint: Checkpoint; modelVersion: number }>> {
  const [, [cells]] = await Promise.all([
    client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    queryCells(client, statement, [model, generation]),
  ]);
  if (cells !== undefined) {
    return { checkpoint: checkpointOf(cells), modelVersion: Number(cells.at(-1)) };
  }
  throw new GenerationMissing(`generation ${generation} of model ${model} was dropped`);
}
