import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import { EventIdTaken } from "@counterfoil/processing/ports/errors";
import type { AppendResult, Body } from "@counterfoil/processing/ports/event-stream";
import { inTransaction } from "./database.ts";
import { isUniqueViolation } from "./engine-error.ts";
import type { StreamConnection } from "./stream-connection.ts";
import { readHead } from "./stream-read.ts";
import {
  type EventRow,
  INSERT_ROWS,
  type StreamStatements,
  valuesOf,
} from "./stream-statements.ts";

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
 * head until it commits, which makes positions dense and the answer `conflict` certain. That no id
 * comes twice the table itself sees to.
 *
 * @throws EventIdTaken
 */
export function appendEvents(connection: StreamConnection, append: Append): AppendResult {
  const { database, statements, sizeLog } = connection;
  sizeLog(append.events.length);
  try {
    return inTransaction(database, "IMMEDIATE", () => {
      const head = readHead(connection);
      if (head.position !== append.expectedPosition) return { outcome: "conflict" };
      // One delivery's bytes are one body, however often they come.
      for (const { sha256, bytes } of append.bodies) statements.insertBody.run(sha256, bytes);
      return { outcome: "appended", head: insertEvents(statements, head, append) };
    });
  } catch (error) {
    throw isUniqueViolation(error) ? idTaken(connection, append.events, error) : error;
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

function idTaken(
  { statements }: StreamConnection,
  events: readonly NewEvent[],
  cause: unknown,
): EventIdTaken {
  const ids = events.map(({ id }) => id);
  const [stored] = statements.byIds.all(JSON.stringify(ids)) as unknown as EventRow[];
  const id = stored?.[1] ?? ids.find((id, at) => ids.indexOf(id) !== at);
  return new EventIdTaken(
    `event id ${id} is ${stored ? "on the stream already" : "twice in one append"}; nothing was appended: look ids up as of the head that you append to`,
    { cause },
  );
}
