import { setTimeout as wait } from "node:timers/promises";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Head } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { eventIdTaken } from "@counterfoil/processing/ports/errors";
import {
  type AppendResult,
  type Body,
  countBetween,
  mayFollow,
  rangeOf,
} from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import { sealEvents, WRITTEN_COLUMNS } from "../sql/events.ts";
import { queryCells, type ReconnectingClient } from "./client.ts";
import { isConnectionLost, NOT_ENCODABLE, stateOf, UNIQUE_VIOLATED } from "./server.ts";
import { readHead, readPage, type StreamTables } from "./stream-sql.ts";

export type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
  unlessAbout: ReadonlySet<string> | undefined;
}>;

type AppendOptions = Readonly<{
  tables: StreamTables;
  clock: Clock;
  hashing: Hashing;
  /** The key of the lock that every append holds. */
  lock: string;
  /** Where the new position is announced. */
  channel: string;
}>;

/** Appends one after the other: they would only wait for each other's lock on the server. */
export function createAppender(
  writer: ReconnectingClient,
  options: AppendOptions,
): (append: Append) => Promise<AppendResult> {
  const { tables } = options;
  let last: Promise<unknown> = Promise.resolve();
  /** The head behind this instance's last append; the guard of the next one finds out if it moved. */
  let known: Head | null = null;

  async function appendNext(append: Append): Promise<AppendResult> {
    const { expectedPosition, unlessAbout } = append;
    if (known?.position !== expectedPosition) {
      known = await writer.use((client) => readHead(client, tables));
    }
    const before = known;
    known = null;
    if (before.position === expectedPosition) {
      known = await sendSurely(writer, sealAppend(before, append, options), options);
    }
    if (known === null && unlessAbout !== undefined) {
      const sealBehind = (client: ClientBase) => sealUnderLock(client, append, options);
      known = await sendSurely(writer, sealBehind, options);
    }
    return known === null ? { outcome: "conflict" } : { outcome: "appended", head: known };
  }

  return (append) => {
    const result = last.then(() => appendNext(append));
    last = result.catch(() => undefined);
    return result;
  };
}

/** An append as it is sent, and sent again where nobody knows what became of it. */
type SealedAppend = Readonly<{
  before: Head;
  /** The head once it is appended. */
  after: Head;
  events: readonly NewEvent[];
  /** Of the statement, in its order. */
  values: readonly unknown[];
}>;

function sealAppend(before: Head, append: Append, options: AppendOptions): SealedAppend {
  const { events, bodies } = append;
  const { tables, clock, hashing, channel } = options;
  const { rows, head: after } = sealEvents(before, events, clock.now(), hashing);
  // A thousand rows go through one prepared statement, as one array a column.
  const columns = WRITTEN_COLUMNS.map((_, at) => rows.map((row) => row[at]));
  const values = [
    before.hash,
    tables.empty.hash,
    bodies.map(({ sha256 }) => sha256),
    bodies.map(({ bytes }) => bytes),
    bodies.map(({ sha256 }) => bodyErasedId(sha256, hashing)),
    ...columns,
    channel,
    String(after.position),
  ];
  return { before, after, events, values };
}

/**
 * Begins the transaction of an append, whose lock makes the head stand still, and seals the events
 * behind it.
 *
 * @returns null, and the transaction is over, where what came in between does not allow it
 */
async function sealUnderLock(
  client: ClientBase,
  append: Append,
  options: AppendOptions,
): Promise<SealedAppend | null> {
  const { tables } = options;
  const { expectedPosition: after, unlessAbout } = append;
  try {
    await allOf(beginLocked(client, options));
    const head = await readHead(client, tables);
    const count = countBetween(after, head, unlessAbout);
    if (count !== null) {
      const between = await readPage(client, tables, rangeOf({ after, limit: count }));
      if (mayFollow(between, unlessAbout, count)) return sealAppend(head, append, options);
    }
    await client.query("ROLLBACK");
    return null;
  } catch (error) {
    // Where the connection is lost, so is the transaction.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** How long the outcome of an append is looked for where the connection was lost meanwhile. */
const PATIENCE_MS = 4_000;
const PAUSE_MS = 100;

/** An append whose place is known, or is found in the transaction that appends it. */
type Sealing = SealedAppend | ((client: ClientBase) => Promise<SealedAppend | null>);

/**
 * Sends an append until it is certain what became of it. A connection that is lost on the way leaves
 * the server perhaps about to commit, so looking proves nothing: the very same append is sent
 * again, with its hashes, and only one of the two finds the head that it needs. Where that was the
 * first, the stream holds our last hash.
 *
 * @returns the head once it is on the stream; null where it is not
 * @throws StreamUnavailable where the server stays away; the caller then finds by ids what is there
 */
async function sendSurely(
  writer: ReconnectingClient,
  sealing: Sealing,
  options: AppendOptions,
): Promise<Head | null> {
  const deadline = performance.now() + PATIENCE_MS;
  let sealed = typeof sealing === "function" ? null : sealing;
  let isUncertain = false;
  for (;;) {
    try {
      return await writer.use(async (client) => {
        const isBegun = sealed === null;
        if (typeof sealing === "function") sealed ??= await sealing(client);
        if (sealed === null) return null;
        const isRepeated = isUncertain;
        try {
          if (await sendAppend(client, sealed, options, isBegun)) return sealed.after;
          const isThere = isRepeated && (await isOnStream(client, sealed, options.tables));
          return isThere ? sealed.after : null;
        } catch (error) {
          isUncertain = isConnectionLost(error);
          throw await appendError(client, error, sealed.events, options.tables);
        }
      });
    } catch (error) {
      // What the server refused it has rolled back. What failed to connect was not sent, but an
      // earlier sending may still be on its way.
      if (!isUncertain || performance.now() >= deadline) throw error;
    }
    await wait(PAUSE_MS);
  }
}

/**
 * One transaction, sent in one go on a pipelined connection, as far as it is not begun already.
 *
 * @returns false where the head was not the one that the events are chained to: nothing was written
 */
async function sendAppend(
  client: ClientBase,
  { values }: SealedAppend,
  options: AppendOptions,
  isBegun: boolean,
): Promise<boolean> {
  const opening = isBegun ? [] : beginLocked(client, options);
  const append = queryCells(client, options.tables.statements.append, values);
  await allOf([...opening, append, client.query("COMMIT")]);
  return (await append).length === 1;
}

/** The lock is taken by a statement of its own: the next one's snapshot is newer than every append before. */
function beginLocked(
  client: ClientBase,
  { tables: { statements }, lock }: AppendOptions,
): readonly Promise<unknown>[] {
  return [client.query("BEGIN"), queryCells(client, statements.lock, [lock])];
}

/** Each is awaited, whatever became of the one before: no rejection goes unhandled. */
async function allOf(sent: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(sent)) {
    if (each.status === "rejected") throw each.reason;
  }
}

/** Whether the stream holds, at the place of its last event, this very append: hashes are chained. */
async function isOnStream(
  client: ClientBase,
  { after, before }: SealedAppend,
  { statements }: StreamTables,
): Promise<boolean> {
  if (after.position === before.position) return false;
  const [row] = await queryCells(client, statements.hashAt, [after.position]);
  return row?.[0] === after.hash;
}

/** What the server refused, in words of the stream; any other error as it is. */
async function appendError(
  client: ClientBase,
  error: unknown,
  events: readonly NewEvent[],
  { statements }: StreamTables,
): Promise<unknown> {
  const state = stateOf(error);
  if (state === NOT_ENCODABLE) return notEncodable(events, error);
  if (state !== UNIQUE_VIOLATED) return error;
  const ids = events.map(({ id }) => id);
  const [stored] = await queryCells(client, statements.takenId, [ids]);
  return eventIdTaken(ids, stored?.[0] ?? null, error);
}

/** Deliveries with U+0000 are quarantined before they come here; this event was not. */
function notEncodable(events: readonly NewEvent[], cause: unknown): Error {
  const found = events
    .flatMap((event) => Object.entries(event).map(([field, value]) => ({ event, field, value })))
    .find(({ value }) => typeof value === "string" && value.includes("\0"));
  const where = found ? `${found.field} of event ${found.event.id}` : "an event";
  return new Error(
    `${where} holds U+0000, which PostgreSQL cannot store as text; nothing was appended: quarantine the delivery`,
    { cause },
  );
}
