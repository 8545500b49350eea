import { randomBytes, randomUUID } from "node:crypto";
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
  isTrial,
  mayFollow,
  rangeOf,
} from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import { STREAM } from "../sql/engine-errors.ts";
import { sealEvents, WRITTEN_COLUMNS } from "../sql/events.ts";
import { queryCells, type ReconnectingClient } from "./client.ts";
import {
  isConnectionLost,
  isUnlisted,
  NOT_ENCODABLE,
  refusedError,
  type Server,
  stateOf,
  UNIQUE_VIOLATED,
} from "./server.ts";
import { readHead, readPage, type StreamTables } from "./stream-sql.ts";

type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
  unlessAbout: ReadonlySet<string> | undefined;
}>;

type AppendOptions = Readonly<{
  server: Server;
  tables: StreamTables;
  clock: Clock;
  hashing: Hashing;
  /** The key of the lock that every append holds. */
  lock: string;
  /** The channel on which the new position is notified. */
  channel: string;
}>;

/** Runs appends one after the other, since they would wait for each other's lock on the server anyway. */
export function createAppender(
  writer: ReconnectingClient,
  options: AppendOptions,
): (append: Append) => Promise<AppendResult> {
  const { tables } = options;
  let last: Promise<unknown> = Promise.resolve();
  /** The head after this instance's last append. The guard of the next append detects if it moved. */
  let known: Head | null = null;

  async function appendNext(append: Append): Promise<AppendResult> {
    const { expectedPosition, unlessAbout } = append;
    if (isTrial(append.events, append.bodies))
      await writer.use((client) => tryToWrite(client, options));
    if (known?.position !== expectedPosition) {
      known = await writer.use((client) => readHead(client, tables));
    }
    const before = known;
    known = null;
    if (before.position === expectedPosition) {
      known = await sendUntilCertain(writer, sealAppend(before, append, options), options);
    }
    if (known === null && unlessAbout !== undefined) {
      const sealAtHead = (client: ClientBase) => sealUnderLock(client, append, options);
      known = await sendUntilCertain(writer, sealAtHead, options);
    }
    return known === null ? { outcome: "conflict" } : { outcome: "appended", head: known };
  }

  return (append) => {
    const result = last.then(() => appendNext(append));
    last = result.catch(() => undefined);
    return result;
  };
}

/** Needs pages of its own, even compressed, so that a full disk shows. */
const TRIAL_BYTES = 16 * 1024;

const TRIAL_EVENT: Omit<NewEvent, "id"> = {
  type: "Trial",
  schema_version: 1,
  subject: "trial",
  occurred_at: null,
  causation_id: null,
  correlation_id: null,
  about: null,
  data: "{}",
};

/**
 * Writes an event and a body of random bytes by the statement of every append, and rolls back.
 *
 * @throws what an append would be refused with, whatever its events are
 */
async function tryToWrite(client: ClientBase, options: AppendOptions): Promise<void> {
  const { tables } = options;
  const id = `trial ${randomUUID()}`;
  const trial = { sha256: id, bytes: randomBytes(TRIAL_BYTES) };
  try {
    await allOf(beginLocked(client, options));
    const before = await readHead(client, tables);
    const events = [{ ...TRIAL_EVENT, id }];
    const append = { expectedPosition: before.position, events, bodies: [trial] };
    const { values } = sealAppend(before, { ...append, unlessAbout: undefined }, options);
    await queryCells(client, tables.statements.append, values);
  } catch (error) {
    throw refusedError(error, STREAM, options.server);
  } finally {
    // If the connection is lost, the server rolls back.
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

/** An append ready to send; it is sent again unchanged if its outcome is unknown. */
type SealedAppend = Readonly<{
  before: Head;
  /** The head after the append. */
  after: Head;
  events: readonly NewEvent[];
  /** The parameters of the statement. */
  values: readonly unknown[];
}>;

function sealAppend(before: Head, append: Append, options: AppendOptions): SealedAppend {
  const { events, bodies } = append;
  const { tables, clock, hashing, channel } = options;
  const { rows, head: after } = sealEvents(before, events, clock.now(), hashing);
  // Rows are passed as one array for each column, so that one prepared statement takes any number.
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
 * Begins the transaction of an append, takes the lock that keeps the head from moving, and chains the
 * events to that head.
 *
 * @returns null, after a rollback, if the events appended in between do not permit the append
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
    // If the connection is lost, the server rolls back.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** How long an append is sent again after its connection was lost. */
const RETRY_TIMEOUT_MS = 4_000;
const RETRY_MS = 100;

/** A sealed append, or a function that seals it in the transaction that appends it. */
type Sealing = SealedAppend | ((client: ClientBase) => Promise<SealedAppend | null>);

/**
 * Sends an append until its outcome is certain. After a lost connection the server may still be about to
 * commit, so reading the stream proves nothing. The same append is sent again with the same hashes,
 * and only one of the two finds the head that it requires. If that was the first, the stream contains
 * the append's last hash.
 *
 * @returns the head after the append; null if the events were not appended
 * @throws StreamUnavailable if the server stays unavailable; the caller then finds by ids what is stored
 */
async function sendUntilCertain(
  writer: ReconnectingClient,
  sealing: Sealing,
  options: AppendOptions,
): Promise<Head | null> {
  const deadline = performance.now() + RETRY_TIMEOUT_MS;
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
          throw await appendError(client, error, sealed.events, options);
        }
      });
    } catch (error) {
      // The server rolled back what it rejected. If connecting failed, nothing was sent this time, but
      // an earlier attempt may still be in progress.
      if (!isUncertain || performance.now() >= deadline) throw error;
    }
    await wait(RETRY_MS);
  }
}

/**
 * Sends the statements of one transaction at once on a pipelined connection, without its beginning if
 * that was sent before.
 *
 * @returns false, with nothing written, if the head is not the one that the events are chained to
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

/**
 * Takes the lock in a statement of its own, so that the snapshot of the next one shows every earlier
 * append.
 */
function beginLocked(
  client: ClientBase,
  { tables: { statements }, lock }: AppendOptions,
): readonly Promise<unknown>[] {
  return [client.query("BEGIN"), queryCells(client, statements.lock, [lock])];
}

/** Waits for all, also after a rejection, so that none is unhandled. @throws the first rejection */
async function allOf(sent: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(sent)) {
    if (each.status === "rejected") throw each.reason;
  }
}

/** Whether the stream contains this append: the chained hash of the last event identifies all of them. */
async function isOnStream(
  client: ClientBase,
  { after, before }: SealedAppend,
  { statements }: StreamTables,
): Promise<boolean> {
  if (after.position === before.position) return false;
  const [row] = await queryCells(client, statements.hashAt, [after.position]);
  return row?.[0] === after.hash;
}

/**
 * Converts an error of the server to one about the stream; returns any other unchanged. A refusal that is
 * not known is the fault of the events only if another event would be appended.
 */
async function appendError(
  client: ClientBase,
  error: unknown,
  events: readonly NewEvent[],
  options: AppendOptions,
): Promise<unknown> {
  const state = stateOf(error);
  if (state === NOT_ENCODABLE) return notEncodable(events, error);
  if (state === UNIQUE_VIOLATED) {
    const ids = events.map(({ id }) => id);
    const [stored] = await queryCells(client, options.tables.statements.takenId, [ids]);
    return eventIdTaken(ids, stored?.[0] ?? null, error);
  }
  if (!isUnlisted(error)) return error;
  return tryToWrite(client, options).then(
    () => error,
    (refused: unknown) => refused,
  );
}

/** Deliveries with U+0000 should have been quarantined before; reports the event that was not. */
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
