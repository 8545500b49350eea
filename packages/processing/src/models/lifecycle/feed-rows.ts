import type { DataOf } from "@counterfoil/contracts/fact";
import { timeOf } from "@counterfoil/core/exact/time";
import { type Connection, connectionOf } from "@counterfoil/core/feed-lines";
import type { Rows } from "../../ports/model-store.ts";
import type { Row, Table } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { integer, nanos, own, text } from "../columns.ts";

export const CONNECTIONS: Table = {
  name: "connections",
  columns: {
    connection: own(text),
    line: own(text),
    ordinal: own(integer),
    opened_at: own(nanos),
    line_opened_at: own(nanos),
  },
  key: ["connection"],
  indexes: [],
  digested: "digest",
};

/** All connections there ever were: a few a day. */
export async function readConnections(rows: Rows): Promise<Map<string, Connection>> {
  const stored = await rows.select(CONNECTIONS, { orderBy: ["connection"], limit: 10_000_000 });
  return new Map(stored.map((row) => [String(row.connection), connectionFrom(row)]));
}

function connectionFrom(row: Row): Connection {
  return {
    connection: String(row.connection),
    line: String(row.line),
    index: Number(row.ordinal),
    openedAt: BigInt(row.opened_at ?? 0),
    lineOpenedAt: BigInt(row.line_opened_at ?? 0),
  };
}

export function noteConnection(
  buffer: RowBuffer,
  connections: Map<string, Connection>,
  opened: DataOf<"FeedOpened">,
): undefined {
  const connection = connectionOf({ connections }, opened);
  connections.set(opened.connection, connection);
  const row = {
    connection: connection.connection,
    line: connection.line,
    ordinal: connection.index,
    opened_at: timeOf(opened.opened_at),
    line_opened_at: connection.lineOpenedAt,
  };
  buffer.put(CONNECTIONS, row, null);
}
