import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Head } from "@counterfoil/core/stream/chain";
import type {
  KnownEvent,
  KnownEvents,
  ReadQuery,
} from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import { BULK_TYPES } from "../bulk-types.ts";
import { textArray } from "./array-parameter.ts";
import { type Cells, queryCells } from "./client.ts";
import type { Pool } from "./pool.ts";
import { eventOf, type StreamStatements } from "./stream-statements.ts";

/** What the stream's functions work with. */
export type StreamTables = Readonly<{
  statements: StreamStatements;
  /** The head of the stream before its first event. */
  empty: Head;
}>;

export async function readHead(
  client: ClientBase,
  { statements, empty }: StreamTables,
): Promise<Head> {
  const [row] = await queryCells(client, statements.head);
  return row === undefined ? empty : headOfCells(row);
}

function headOfCells([position, hash, recordedAt]: Cells): Head {
  return {
    position: Number(position),
    hash: String(hash),
    recordedAt: BigInt(recordedAt as string),
  };
}

export async function readPage(
  client: ClientBase,
  { statements }: StreamTables,
  { after, limit }: ReadQuery,
): Promise<readonly RecordedEvent[]> {
  const rows = await queryCells(client, statements.page, [after, after + limit]);
  return rows.map((row) => eventOf(row));
}

export async function readBody(
  client: ClientBase,
  { statements }: StreamTables,
  sha256: string,
): Promise<Uint8Array | null> {
  const [row] = await queryCells(client, statements.body, [sha256]);
  return typeof row?.[0] === "string" ? new Uint8Array(Buffer.from(row[0], "hex")) : null;
}

/** One statement sees one moment: the answer is that of the head which it names. */
export async function findEvents(
  client: ClientBase,
  { statements, empty }: StreamTables,
  ids: readonly string[],
): Promise<KnownEvents> {
  const rows = await queryCells(client, statements.findByIds, [textArray([...new Set(ids)])]);
  const known = new Map<string, KnownEvent & { amendments: RecordedEvent[] }>();
  const amendments: Readonly<{ about: string; event: RecordedEvent }>[] = [];
  let head = empty;
  for (const row of rows) {
    const [kind, about] = row;
    if (kind === "head") {
      head = headOfCells([row[2] ?? null, row[11] ?? null, row[8] ?? null]);
      continue;
    }
    const event = eventOf(row, 2);
    if (kind === "known") known.set(event.id, { event, amendments: [] });
    else amendments.push({ about: String(about), event });
  }
  amendments.sort((a, b) => a.event.position - b.event.position);
  for (const { about, event } of amendments) known.get(about)?.amendments.push(event);
  return { head, known };
}

type TypesQuery = Required<ReadQuery>;

/** How many positions one step of a search looks through. */
const WINDOW = 20_000;

export async function readTypes(
  pool: Pool,
  tables: StreamTables,
  query: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const types = [...new Set(query.types)];
  if (types.some((type) => BULK_TYPES.has(type))) {
    return searchTypes(pool, tables, { ...query, types });
  }
  const values = [textArray(types), query.after, query.limit];
  const rows = await pool.use((client) =>
    queryCells(client, tables.statements.ofIndexedTypes, values),
  );
  return rows.map((row) => eventOf(row));
}

/** Looks through the stream up to its present head, window by window, each a statement of its own. */
async function searchTypes(
  pool: Pool,
  tables: StreamTables,
  { after, limit, types }: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const listed = textArray(types);
  const { position: last } = await pool.use((client) => readHead(client, tables));
  const found: RecordedEvent[] = [];
  for (let from = after; from < last && found.length < limit; from += WINDOW) {
    const values = [from, Math.min(from + WINDOW, last), listed, limit - found.length];
    const rows = await pool.use((client) =>
      queryCells(client, tables.statements.windowOfTypes, values),
    );
    found.push(...rows.map((row) => eventOf(row)));
  }
  return found;
}
