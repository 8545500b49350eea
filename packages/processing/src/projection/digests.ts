import {
  addToDigest,
  type DigestSum,
  EMPTY_DIGEST,
  formatDigest,
  type Hashing,
  parseDigest,
  rowHash,
  takeFromDigest,
} from "@counterfoil/core/hashing";
import { PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { Checkpoint, Row, Rows, Table } from "../ports/model-store.ts";
import { everyRow } from "./selection.ts";

/** The digests of one row; `state` is null if it is not part of the state. */
export type RowDigests = Readonly<{ digest: bigint; state: bigint | null }>;

type Digests = Pick<Checkpoint, "digest" | "state_digest">;

/** The two digests of a generation, updated row by row. */
export type DigestSums = Readonly<{
  /** A row replaced another; null if there was none, or is none any more. */
  replace(before: RowDigests | null, after: RowDigests | null): void;
  digests(): Digests;
}>;

export function createDigestSums(start: Digests): DigestSums {
  let digest = parseDigest(start.digest);
  let state = parseDigest(start.state_digest);
  return {
    replace(before, after) {
      digest = replaced(digest, before?.digest, after?.digest);
      state = replaced(state, before?.state, after?.state);
    },
    digests: () => ({ digest: formatDigest(digest), state_digest: formatDigest(state) }),
  };
}

function replaced(
  sum: DigestSum,
  before: bigint | undefined | null,
  after: bigint | undefined | null,
): DigestSum {
  const without = before ? takeFromDigest(sum, before) : sum;
  return after ? addToDigest(without, after) : without;
}

/**
 * The digests of a row. The text is the table's name, then each column that belongs to the state
 * and after a bar each that does not, in alphabetical order: `~` for null, else the length in
 * UTF-16 units, a colon and the value. `digest` is the SHA-256 of the whole text, `state` that of
 * the part before the bar.
 */
export function rowDigests(table: Table, row: Row, hashing: Hashing): RowDigests {
  const { state, own } = columnsOf(table);
  const stateText = fieldsText(`${table.name}`, row, state);
  const countsAsState = table.digested === "both" && (table.isState?.(row) ?? true);
  return {
    digest: rowHash(fieldsText(`${stateText}|`, row, own), hashing),
    state: countsAsState ? rowHash(stateText, hashing) : null,
  };
}

function fieldsText(before: string, row: Row, columns: readonly string[]): string {
  let text = before;
  for (const column of columns) {
    const value = row[column];
    if (value === null || value === undefined) text += "~";
    else {
      const printed = typeof value === "string" ? value : String(value);
      text += `${printed.length}:${printed}`;
    }
  }
  return text;
}

type Columns = Readonly<{ state: readonly string[]; own: readonly string[] }>;
const columnsByTable = new WeakMap<Table, Columns>();

function columnsOf(table: Table): Columns {
  let columns = columnsByTable.get(table);
  if (columns === undefined) {
    const all = Object.keys(table.columns).sort();
    const isState = (column: string) => table.columns[column]?.state === true;
    columns = { state: all.filter(isState), own: all.filter((column) => !isState(column)) };
    columnsByTable.set(table, columns);
  }
  return columns;
}

const PAGE = 2000;

/** The digest of the stored rows, independent of the digest in the checkpoint. */
export async function storedDigest(
  tables: readonly Table[],
  rows: Rows,
  hashing: Hashing,
): Promise<string> {
  let digest = parseDigest(EMPTY_DIGEST);
  for (const table of tables) {
    if (table.digested === "none") continue;
    const page = { orderBy: table.key, limit: PAGE, bytesMax: PAGE_BYTES_MAX };
    for await (const row of everyRow(rows, table, page)) {
      digest = addToDigest(digest, rowDigests(table, row, hashing).digest);
    }
  }
  return formatDigest(digest);
}
