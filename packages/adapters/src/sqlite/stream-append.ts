import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import { EventIdTaken } from "@counterfoil/processing/ports/errors";
import type { AppendResult, Body } from "@counterfoil/processing/ports/event-stream";
import { inTransaction } from "./database.ts";
import type { KeyIndex } from "./key-index.ts";
import type { StreamConnection } from "./stream-connection.ts";
import { readHead } from "./stream-read.ts";
import { INSERT_ROWS, type StreamStatements, valuesOf } from "./stream-statements.ts";

export type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
  /** When it is recorded, unless an earlier event says later: one append is one moment. */
  now: Nanos;
  hashing: Hashing;
}>;

/**
 * One transaction that holds the write lock from its beginning: the head that it reads stays the
 * head until it commits, which makes positions dense and the answer `conflict` certain.
 */
export function appendEvents(connection: StreamConnection, append: Append): AppendResult {
  const { database, statements, ids, digests, sizeLog } = connection;
  sizeLog(append.events.length);
  let hasSettled = false;
  try {
    return inTransaction(database, "IMMEDIATE", () => {
      const head = readHead(connection);
      if (head.position !== append.expectedPosition) return { outcome: "conflict" };
      checkNotTaken(ids, append.events);
      hasSettled = true;
      for (const index of [ids, digests]) index.settle();
      insertBodies(connection, append.bodies);
      return { outcome: "appended", head: insertEvents(statements, head, append) };
    });
  } catch (error) {
    if (hasSettled) for (const index of [ids, digests]) index.forget();
    throw error;
  }
}

/** One delivery's bytes are one body, however often they come. */
function insertBodies({ statements, digests }: StreamConnection, bodies: readonly Body[]): void {
  if (bodies.length === 0) return;
  const taken = new Set(digests.find(bodies.map(({ sha256 }) => sha256)).keys());
  for (const { sha256, bytes } of bodies) {
    if (!taken.has(sha256)) statements.insertBody.run(sha256, bytes);
    taken.add(sha256);
  }
}

function insertEvents(statements: StreamStatements, before: Head, append: Append): Head {
  const { events, now, hashing } = append;
  let head = before;
  let row = 0;
  const next = () => {
    const event = events[row] as NewEvent;
    row += 1;
    const sealed = sealEvent(head, event, now, hashing);
    head = headOf(sealed);
    return valuesOf(sealed, event.about);
  };
  while (events.length - row >= INSERT_ROWS) {
    const values = [];
    for (let i = 0; i < INSERT_ROWS; i += 1) values.push(...next());
    statements.insertMany.run(...values);
  }
  while (row < events.length) statements.insertOne.run(...next());
  return head;
}

/** @throws EventIdTaken */
function checkNotTaken(ids: KeyIndex, events: readonly NewEvent[]): void {
  const wanted = events.map(({ id }) => id);
  const [stored] = ids.find(wanted).keys();
  const isTwice = new Set(wanted).size < wanted.length;
  if (stored === undefined && !isTwice) return;
  const id = stored ?? wanted.find((id, at) => wanted.indexOf(id) !== at);
  throw new EventIdTaken(
    `event id ${id} is ${stored ? "on the stream already" : "twice in one append"}; nothing was appended: look ids up as of the head that you append to`,
  );
}
