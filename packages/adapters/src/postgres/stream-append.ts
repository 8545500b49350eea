import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { EventIdTaken } from "@counterfoil/processing/ports/errors";
import type { Body } from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import { bigintArray, byteaArray, textArray } from "./array-parameter.ts";
import { queryCells } from "./client.ts";
import { NOT_ENCODABLE, stateOf, UNIQUE_VIOLATED } from "./engine-error.ts";
import type { StreamTables } from "./stream-read.ts";

export type Append = Readonly<{
  events: readonly NewEvent[];
  bodies: readonly Body[];
  clock: Clock;
  hashing: Hashing;
}>;

/** An append as it is sent, and sent again where nobody knows what became of it. */
export type SealedAppend = Readonly<{
  before: Head;
  /** The head once it is appended. */
  after: Head;
  events: readonly NewEvent[];
  values: readonly unknown[];
}>;

/** Gives the events their places behind `before`. One append is one moment. */
export function sealAppend(before: Head, append: Append, tables: StreamTables): SealedAppend {
  const { events, bodies, clock, hashing } = append;
  const now = clock.now();
  let after = before;
  const sealed = events.map((event) => {
    const recorded = sealEvent(after, event, now, hashing);
    after = headOf(recorded);
    return recorded;
  });
  const values = [
    before.hash,
    tables.empty.hash,
    ...bodyColumns(bodies),
    ...eventColumns(sealed, events),
  ];
  return { before, after, events, values };
}

function bodyColumns(bodies: readonly Body[]): readonly Buffer[] {
  return [
    textArray(bodies.map(({ sha256 }) => sha256)),
    byteaArray(bodies.map(({ bytes }) => bytes)),
  ];
}

/** One array a column, in the order of the statement. */
function eventColumns(
  sealed: readonly RecordedEvent[],
  events: readonly NewEvent[],
): readonly Buffer[] {
  return [
    bigintArray(sealed.map(({ position }) => position)),
    textArray(sealed.map(({ id }) => id)),
    textArray(sealed.map(({ type }) => type)),
    bigintArray(sealed.map(({ schema_version }) => schema_version)),
    textArray(sealed.map(({ subject }) => subject)),
    bigintArray(sealed.map(({ occurred_at }) => occurred_at)),
    bigintArray(sealed.map(({ recorded_at }) => recorded_at)),
    textArray(sealed.map(({ causation_id }) => causation_id)),
    textArray(sealed.map(({ correlation_id }) => correlation_id)),
    textArray(sealed.map(({ hash }) => hash)),
    textArray(sealed.map(({ data }) => data)),
    textArray(events.map(({ about }) => about)),
  ];
}

export type SendOptions = Readonly<{ tables: StreamTables; lock: string; channel: string }>;

/**
 * One transaction, sent in one go on a pipelined connection. The lock is taken by a statement of its
 * own, so that the next one's snapshot is newer than every append before.
 *
 * @returns false where the head was not the one that the events are chained to: nothing was written
 */
export async function sendAppend(
  client: ClientBase,
  { values, after }: SealedAppend,
  { tables, lock, channel }: SendOptions,
): Promise<boolean> {
  const { statements } = tables;
  const sent = [
    client.query("BEGIN"),
    queryCells(client, statements.lock, [lock]),
    queryCells(client, statements.append, [...values, channel, String(after.position)]),
    client.query("COMMIT"),
  ] as const;
  // Each is awaited, whatever became of the one before: none is left behind unheard.
  const [begun, locked, appended, committed] = await Promise.allSettled(sent);
  for (const each of [begun, locked, appended, committed]) {
    if (each.status === "rejected") throw each.reason;
  }
  return appended.status === "fulfilled" && appended.value.length === 1;
}

/** Whether the stream holds, at the place of its last event, this very append: hashes are chained. */
export async function isOnStream(
  client: ClientBase,
  { after, before }: SealedAppend,
  { statements }: StreamTables,
): Promise<boolean> {
  if (after.position === before.position) return false;
  const [row] = await queryCells(client, statements.hashAt, [after.position]);
  return row?.[0] === after.hash;
}

/** What the server refused, in words of the stream; any other error as it is. */
export async function appendError(
  client: ClientBase,
  error: unknown,
  events: readonly NewEvent[],
  { statements }: StreamTables,
): Promise<unknown> {
  const state = stateOf(error);
  if (state === NOT_ENCODABLE) return notEncodable(events, error);
  if (state !== UNIQUE_VIOLATED) return error;
  const ids = events.map(({ id }) => id);
  const [stored] = await queryCells(client, statements.takenId, [textArray(ids)]);
  const id = stored?.[0] ?? ids.find((id, at) => ids.indexOf(id) !== at);
  return new EventIdTaken(
    `event id ${id} is ${stored ? "on the stream already" : "twice in one append"}; nothing was appended: look ids up as of the head that you append to`,
  );
}

/** Deliveries with U+0000 are quarantined before they come here; whoever made this event did not. */
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
