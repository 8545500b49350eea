import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventIdTaken } from "@counterfoil/processing/ports/errors";
import {
  type AppendResult,
  type Body,
  countBetween,
  mayFollow,
  rangeOf,
} from "@counterfoil/processing/ports/event-stream";
import { type EventCells, sealEvents } from "../sql/events.ts";
import { inTransaction, isUniqueViolation } from "./database.ts";
import type { StreamConnection, StreamStatements } from "./stream-file.ts";
import { readHead, readPage } from "./stream-read.ts";

export type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
  unlessAbout: ReadonlySet<string> | undefined;
  /** When it is recorded, unless an earlier event says later: one append is one moment. */
  now: Nanos;
}>;

/**
 * One transaction that holds the write lock from its beginning: the head that it reads stays the
 * head until it commits, which makes positions dense and the answer `conflict` certain. That no id
 * comes twice the table itself sees to.
 *
 * @throws EventIdTaken
 */
export function appendEvents(
  connection: StreamConnection,
  { expectedPosition, events, bodies, unlessAbout, now }: Append,
  hashing: Hashing,
): AppendResult {
  const { database, statements } = connection;
  try {
    return inTransaction(database, "IMMEDIATE", () => {
      const before = readHead(connection);
      const count = countBetween(expectedPosition, before, unlessAbout);
      if (count === null) return { outcome: "conflict" };
      const range = rangeOf({ after: expectedPosition, limit: count });
      const between = count === 0 ? [] : readPage(connection, range);
      if (!mayFollow(between, unlessAbout, count)) return { outcome: "conflict" };
      // One delivery's bytes are one body, however often they come.
      for (const { sha256, bytes } of bodies) {
        statements.insertBody.run(sha256, bytes, bodyErasedId(sha256, hashing));
      }
      const { rows, head } = sealEvents(before, events, now, hashing);
      for (const row of rows) statements.insert.run(...row);
      return { outcome: "appended", head };
    });
  } catch (error) {
    throw isUniqueViolation(error) ? idTaken(statements, events, error) : error;
  }
}

function idTaken({ byIds }: StreamStatements, events: readonly NewEvent[], cause: unknown) {
  const ids = events.map(({ id }) => id);
  const [stored] = byIds.all(JSON.stringify(ids)) as unknown as EventCells[];
  return eventIdTaken(ids, stored === undefined ? null : String(stored[1]), cause);
}
