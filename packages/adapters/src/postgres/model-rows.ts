import type { Row, Selection, Table, Value } from "@counterfoil/processing/ports/table";
import type { ClientBase } from "pg";
import { type Cells, queryCells, type Statement } from "./client.ts";
import { type Place, tableName } from "./model-layout.ts";
import { getText, selectQuery } from "./model-select.ts";

/** Reading the tables of one generation over any connection; each call sees its present moment. */
export type TableRows = Readonly<{
  get(client: ClientBase, table: Table, key: readonly Value[]): Promise<Row | null>;
  select(client: ClientBase, table: Table, selection: Selection): Promise<readonly Row[]>;
  count(client: ClientBase, table: Table): Promise<number>;
}>;

type ToRow = (cells: Cells) => Row;
/** What is needed for every row of a table; it is asked for too often to be made each time. */
type Known = Readonly<{ name: string; get: Statement; toRow: ToRow }>;

export function createTableRows(place: Place): TableRows {
  const tables = new Map<Table, Known>();

  function known(table: Table): Known {
    const found = tables.get(table);
    if (found !== undefined) return found;
    const name = tableName(place, table);
    const made = { name, get: prepared(getText(name, table)), toRow: toRowOf(table) };
    tables.set(table, made);
    return made;
  }

  return {
    get: async (client, table, key) => {
      const { get, toRow } = known(table);
      const [cells] = await queryCells(client, get, key);
      return cells === undefined ? null : toRow(cells);
    },
    select: async (client, table, selection) => {
      const { name, toRow } = known(table);
      const { text, values } = selectQuery(name, table, selection);
      return (await queryCells(client, prepared(text), values)).map(toRow);
    },
    count: async (client, table) => {
      const [cells] = await queryCells(client, {
        text: `SELECT count(*) FROM ${known(table).name}`,
      });
      return Number(cells?.[0]);
    },
  };
}

const statements = new Map<string, Statement>();

/** One name a text on all connections: each prepares it when it meets it first. */
export function prepared(text: string): Statement {
  let statement = statements.get(text);
  if (statement === undefined) {
    statement = { name: `model${statements.size}`, text };
    statements.set(text, statement);
  }
  return statement;
}

function toRowOf(table: Table): ToRow {
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({ name, type }));
  return (cells) => {
    const row: Record<string, Value> = {};
    let at = 0;
    for (const { name, type } of columns) {
      const cell = cells[at] ?? null;
      if (cell === null || type === "text") row[name] = cell;
      else row[name] = type === "nanos" ? BigInt(cell) : Number(cell);
      at += 1;
    }
    return row;
  };
}
