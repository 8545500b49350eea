import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createAppendWatch } from "./append-watch.ts";
import { checkStream } from "./check-stream.ts";
import { openConnection } from "./connection.ts";
import type { IdentityIndex } from "./identity-index.ts";
import { readTypes } from "./read-types.ts";
import { createRecentHead } from "./recent-head.ts";
import { appendEvents } from "./stream-append.ts";
import { createStreamBodies } from "./stream-bodies.ts";
import { findEvents } from "./stream-look-up.ts";
import type { StreamParts } from "./stream-parts.ts";
import { createStreamReader } from "./stream-reader.ts";
import { DEFAULT_TIMING, type Timing } from "./timing.ts";

export type EventStreamOptions = Readonly<{
  /** Connection string, `esdb://user:password@host:2113?tls=true`. */
  url: string;
  ledger: string;
  hashing: Hashing;
  clock: Clock;
  /** Of this ledger and no other. It is the caller's, who closes it after the stream. */
  index: IdentityIndex;
  /** Appends nothing and expects the stream to be there; for every role but the ingestor. */
  readOnly?: boolean;
  timing?: Partial<Timing>;
}>;

/**
 * Opens the stream of a ledger in EventStoreDB: one stream `ledger-<name>`, whose revision 0 is
 * position 1.
 *
 * @throws ConnectionUrlInvalid when the connection string cannot be used;
 * @throws StreamMissing when read-only and nobody has created it yet;
 * @throws LedgerMismatch, StreamCorrupted when it must not be used;
 * @throws StreamUnavailable when it cannot be used just now.
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { url, ledger, hashing, clock, index, readOnly = false } = options;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const connection = openConnection(url);
  const stream = `ledger-${ledger}`;
  const empty = emptyHead(ledger, hashing);
  const reader = createStreamReader({ connection, stream, empty, timing });
  try {
    await checkStream(reader, { ledger, mayBeMissing: !readOnly });
  } catch (error) {
    await connection.close();
    throw error;
  }
  const bodies = createStreamBodies({ ledger, connection, page: reader.page, hashing, timing });
  const recent = createRecentHead();
  const parts = { connection, reader, bodies, index, recent, clock, hashing, timing };
  return createEventStream(parts, readOnly);
}

function createEventStream(parts: StreamParts, readOnly: boolean): EventStream {
  const { connection, reader, bodies, timing } = parts;
  const { stream } = reader;
  const headPosition = async () => (await reader.head()).position;
  const watch = createAppendWatch({ connection, stream, headPosition, timing });
  return {
    head: () => reader.head(),
    append: async (expectedPosition, events, added = []) => {
      if (readOnly) throw new Error(`the event stream ${stream} was opened read-only`);
      const result = await appendEvents(parts, { expectedPosition, events, bodies: added });
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ after, limit, types }) => {
      if (types !== undefined) return readTypes(parts, { after, limit, types });
      return (await reader.from(after + 1, limit)).map(({ event }) => event);
    },
    findByIds: (ids) => findEvents(parts, ids),
    body: (sha256) => bodies.read(sha256),
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      await connection.close();
    },
  };
}
