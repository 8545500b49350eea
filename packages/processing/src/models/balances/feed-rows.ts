import type { DataOf } from "@counterfoil/contracts/fact";
import { timeOf } from "@counterfoil/core/exact/time";
import { type Connection, connectionOf } from "@counterfoil/core/feed-lines";
import type { Rows } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { CONNECTIONS, LISTINGS } from "./tables.ts";

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

/** Notes that a snapshot lists the account. */
export async function noteListing(
  buffer: RowBuffer,
  { line, index }: Connection,
  account: string,
  frame: number,
): Promise<void> {
  const stored = await buffer.get(LISTINGS, [line, account]);
  buffer.put(LISTINGS, { line, account, ordinal: index, frame }, stored);
}

/** Accounts that earlier snapshots of the line listed, and none at this place or after. */
export async function listedBefore(
  buffer: RowBuffer,
  rows: Rows,
  { line, index }: Connection,
  frame: number,
): Promise<readonly string[]> {
  const isBefore = (row: Row) =>
    Number(row.ordinal) < index || (row.ordinal === index && Number(row.frame) < frame);
  const stored = await rows.select(LISTINGS, {
    where: [
      { column: "line", is: "=", value: line },
      { column: "ordinal", is: "<=", value: index },
    ],
    orderBy: ["line", "ordinal", "frame", "account"],
    limit: 10_000_000,
  });
  const latest = new Map(stored.map((row) => [String(row.account), row]));
  for (const row of buffer.pending(LISTINGS)) {
    if (row.line === line) latest.set(String(row.account), row);
  }
  return [...latest].filter(([, row]) => isBefore(row)).map(([account]) => account);
}
