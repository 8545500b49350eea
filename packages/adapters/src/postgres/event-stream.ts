import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamMissing } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createAppendWatch } from "./append-watch.ts";
import { STREAM } from "./engine-error.ts";
import { layOut, readLayout } from "./layout.ts";
import { createPageAhead } from "./page-ahead.ts";
import { createPool, type Pool } from "./pool.ts";
import { createReconnectingClient, type ReconnectingClient } from "./reconnecting-client.ts";
import { type LedgerOnServer, type Server, serverOf } from "./server.ts";
import { ledgerSchema, lockKey } from "./sql-name.ts";
import { createAppender } from "./stream-appender.ts";
import { STREAM_LAYOUT } from "./stream-layout.ts";
import { findEvents, readBody, readHead, readPage, readTypes } from "./stream-read.ts";
import { ALWAYS_BY_INDEX, streamStatements } from "./stream-statements.ts";

export type EventStreamOptions = LedgerOnServer &
  Readonly<{
    hashing: Hashing;
    clock: Clock;
    /** Neither creates nor writes anything; for every role but the ingestor. */
    readOnly?: boolean;
  }>;

/** Enough for a look-up, a few pages and the watch at once; what comes beyond waits. */
const READERS_MAX = 4;
/** A server that has fallen silent holds nobody for longer. */
const TIMEOUT_MS = 10_000;

/**
 * Opens the stream of a ledger in its schema on a PostgreSQL server.
 *
 * @throws StreamMissing when read-only and nobody has created it yet;
 * @throws LedgerMismatch, FormatTooNew, ConfigurationInvalid when it must not be used;
 * @throws StreamUnavailable when it cannot be used just now.
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { ledger, readOnly = false } = options;
  const server = serverOf(options.url);
  const client = { timeoutMs: TIMEOUT_MS, isPipelined: true, settings: ALWAYS_BY_INDEX };
  const pool = createPool({
    server,
    use: STREAM,
    sizeMax: READERS_MAX,
    client: { ...client, access: "read" },
  });
  const writer = createReconnectingClient({
    server,
    use: STREAM,
    client: { ...client, access: "write" },
  });
  try {
    if (readOnly) await checkStream(pool, server, ledger);
    else await writer.use((connection) => layOut(connection, ledger, STREAM_LAYOUT));
  } catch (error) {
    writer.close();
    await pool.close();
    throw error;
  }
  return createEventStream({ server, pool, writer }, options);
}

async function checkStream(pool: Pool, server: Server, ledger: string): Promise<void> {
  const state = await pool.use((client) => readLayout(client, ledger, STREAM_LAYOUT));
  if (state === "complete") return;
  const schema = ledgerSchema(ledger);
  throw new StreamMissing(
    `no event stream in schema ${schema} of ${server.name} yet: the first ingestor creates it`,
  );
}

type Connections = Readonly<{ server: Server; pool: Pool; writer: ReconnectingClient }>;

function createEventStream(connections: Connections, options: EventStreamOptions): EventStream {
  const { server, pool, writer } = connections;
  const { ledger, clock, hashing, readOnly } = options;
  const channel = ledgerSchema(ledger);
  const tables = {
    statements: streamStatements(ledger),
    empty: emptyHead(ledger, hashing),
  };
  const head = () => pool.use((client) => readHead(client, tables));
  const page = createPageAhead((query) => pool.use((client) => readPage(client, tables, query)));
  const watch = createAppendWatch({
    server,
    channel,
    headPosition: async () => (await head()).position,
  });
  const append = createAppender(writer, { tables, channel, lock: lockKey("append", channel) });
  return {
    head,
    append: async (expectedPosition, events, bodies = []) => {
      if (readOnly) throw new Error(`the event stream in ${server.name} was opened read-only`);
      const result = await append(expectedPosition, { events, bodies, clock, hashing });
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ after, limit, types }) =>
      types === undefined
        ? page({ after, limit })
        : readTypes(pool, tables, { after, limit, types }),
    findByIds: (ids) => pool.use((client) => findEvents(client, tables, ids)),
    body: (sha256) => pool.use((client) => readBody(client, tables, sha256)),
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      writer.close();
      await pool.close();
    },
  };
}
