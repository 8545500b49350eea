import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Row, Selection, Table, Value } from "@counterfoil/processing/ports/table";
import { quoted } from "./model-layout.ts";
import { getSql, selectQuery } from "./model-select.ts";

/** Reading the tables of one connection; every call sees the connection's present moment. */
export type TableRows = Readonly<{
  get(table: Table, key: readonly Value[]): Row | null;
  select(table: Table, selection: Selection): readonly Row[];
  count(table: Table): number;
}>;

type ToRow = (values: readonly SQLOutputValue[]) => Row;

/** What is needed for every row of a table; it is asked for too often to be made each time. */
type Prepared = Readonly<{ get: StatementSync; count: StatementSync; toRow: ToRow }>;

export function createTableRows(database: DatabaseSync): TableRows {
  const tables = new Map<Table, Prepared>();
  const selects = new Map<string, StatementSync>();

  function prepare(table: Table, sql: string): StatementSync {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    // All integers of a statement or none; a table without nanoseconds is spared the detour.
    statement.setReadBigInts(hasNanos(table));
    return statement;
  }

  function prepared(table: Table): Prepared {
    const known = tables.get(table);
    if (known !== undefined) return known;
    const count = prepare(table, `SELECT count(*) FROM ${quoted(table.name)}`);
    const made = { get: prepare(table, getSql(table)), count, toRow: toRowOf(table) };
    tables.set(table, made);
    return made;
  }

  function preparedSelect(table: Table, sql: string): StatementSync {
    const statement = selects.get(sql) ?? prepare(table, sql);
    selects.set(sql, statement);
    return statement;
  }

  return {
    get: (table, key) => {
      const { get, toRow } = prepared(table);
      const values = get.get(...key);
      return values === undefined ? null : toRow(asArray(values));
    },
    select: (table, selection) => {
      const { sql, values } = selectQuery(table, selection);
      const { toRow } = prepared(table);
      return preparedSelect(table, sql)
        .all(...values)
        .map((row) => toRow(asArray(row)));
    },
    count: (table) => Number(asArray(prepared(table).count.get())[0]),
  };
}

function hasNanos(table: Table): boolean {
  return Object.values(table.columns).some(({ type }) => type === "nanos");
}

function toRowOf(table: Table): ToRow {
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({
    name,
    isInteger: type === "integer",
  }));
  return (values) => {
    const row: Record<string, Value> = {};
    let at = 0;
    for (const { name, isInteger } of columns) {
      const value = values[at] as Value;
      row[name] = isInteger && value !== null ? Number(value) : value;
      at += 1;
    }
    return row;
  };
}

/** What `setReturnArrays` promises, and the type of `get` and `all` does not know. */
function asArray(row: unknown): readonly SQLOutputValue[] {
  return row as readonly SQLOutputValue[];
}
