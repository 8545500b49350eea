import { once } from "node:events";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { type BinaryWriter, startWriting } from "./binary-writer.ts";

/** The beginning that the server demands of a binary COPY: signature, flags, no extension. */
const HEADER = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const END_OF_ROWS = -1;

/** Rows of a binary COPY, each of `columns` values that `writeRow` writes in the table's order. */
export function copiedRows<Row>(
  rows: readonly Row[],
  columns: number,
  writeRow: (writer: BinaryWriter, row: Row) => void,
): Buffer {
  const writer = startWriting();
  writer.raw(HEADER);
  for (const row of rows) {
    writer.short(columns);
    writeRow(writer, row);
  }
  writer.short(END_OF_ROWS);
  return writer.finish();
}

/** Resolves when the server has taken them. @param target table and columns, as COPY names them */
export async function copyInto(client: Client, target: string, rows: Buffer): Promise<void> {
  const copy = client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`));
  copy.end(rows);
  await once(copy, "finish");
}
