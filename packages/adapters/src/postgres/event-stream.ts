import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamMissing } from "@counterfoil/processing/ports/errors";
import {
  type EventStream,
  isTrial,
  type OutOfReach,
  rangeOf,
} from "@counterfoil/processing/ports/event-stream";
import { createBackoff, jitterAround } from "@counterfoil/processing/ports/retry";
import type { Client } from "pg";
import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import { STREAM } from "../sql/engine-errors.ts";
import { quoted } from "../sql/tables.ts";
import {
  ALWAYS_BY_INDEX,
  type Connections,
  closeClient,
  createReconnectingClient,
  openClient,
  openConnections,
  type Pool,
  queryCells,
  type ReconnectingClient,
} from "./client.ts";
import { layOut, readLayout } from "./layout.ts";
import { type LedgerOnServer, ledgerSchema, lockKey, type Server, serverOf } from "./server.ts";
import { createAppender } from "./stream-append.ts";
import { checkIdsAreUnique } from "./stream-layout.ts";
import {
  findByIds,
  findPositions,
  readAt,
  readBodies,
  readBody,
  readEventsOfTypes,
  readHead,
  readPage,
  STREAM_LAYOUT,
  type StreamStatements,
  streamStatements,
} from "./stream-sql.ts";

type EventStreamOptions = LedgerOnServer &
  Readonly<{
    hashing: Hashing;
    clock: Clock;
    /** Neither creates nor writes anything. Set for every role except the ingestor. */
    readOnly?: boolean;
  }>;

/** Enough for a search by ids, a few pages and the append watch at once; further reads wait. */
const READERS_MAX = 4;
/** Limits how long an unresponsive server blocks a caller. */
const TIMEOUT_MS = 10_000;
/** Rolls back a writer that stalls between its lock and its append, so that others can append. */
const ENDS_STALLED_WRITERS = { idle_in_transaction_session_timeout: "5000" };
/**
 * Gives an append up whose tables somebody else has locked, since providers wait for its answer. Longer than the lock
 * of a stalled writer lasts.
 */
const GIVES_LOCKS_UP = { lock_timeout: "6000" };

/**
 * Opens the stream of a ledger in its schema on a PostgreSQL server.
 *
 * @throws StreamMissing if read-only and the stream does not exist yet
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted, ConfigurationInvalid if the stream must not be used
 * @throws StreamUnavailable if the stream cannot be used at present
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { ledger, readOnly = false } = options;
  const server = serverOf(options.url);
  const settings = {
    read: ALWAYS_BY_INDEX,
    write: { ...ALWAYS_BY_INDEX, ...ENDS_STALLED_WRITERS, ...GIVES_LOCKS_UP },
  };
  const connections = openConnections({
    server,
    mapping: STREAM,
    readersMax: READERS_MAX,
    timeoutMs: TIMEOUT_MS,
    settings,
  });
  const { pool, writer, close } = connections;
  try {
    if (readOnly) await checkStream(pool, server, ledger);
    else {
      await writer.use(async (connection) => {
        await layOut(connection, ledger, STREAM_LAYOUT);
        await checkIdsAreUnique(connection, server, ledger);
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return createEventStream(connections, options);
}

async function checkStream(pool: Pool, server: Server, ledger: string): Promise<void> {
  const state = await pool.use((client) => readLayout(client, ledger, STREAM_LAYOUT));
  if (state === "complete") return;
  const schema = ledgerSchema(ledger);
  throw new StreamMissing(
    `no event stream in schema ${schema} of ${server.name} yet: the first ingestor creates it`,
  );
}

function createEventStream(connections: Connections, options: EventStreamOptions): EventStream {
  const { server, pool, writer, close } = connections;
  const { ledger, clock, hashing, readOnly } = options;
  const channel = ledgerSchema(ledger);
  const tables = {
    statements: streamStatements(ledger),
    empty: emptyHead(ledger, hashing),
  };
  const head = () => pool.use((client) => readHead(client, tables));
  const watch = createAppendWatch({
    server,
    channel,
    headPosition: async () => (await head()).position,
  });
  const lock = lockKey("append", channel);
  const append = createAppender(writer, { server, tables, clock, hashing, channel, lock });
  return {
    head,
    append: async (expectedPosition, events, bodies = [], unlessAbout) => {
      if (readOnly && !isTrial(events, bodies))
        throw new Error(`the event stream in ${server.name} was opened read-only`);
      const result = await append({ expectedPosition, events, bodies, unlessAbout });
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ types, ...query }) => {
      const range = rangeOf(query);
      return types === undefined
        ? pool.use((client) => readPage(client, tables, range))
        : readEventsOfTypes(pool, tables, { ...range, types });
    },
    readAt: (positions) => pool.use((client) => readAt(client, tables, positions)),
    findByIds: (ids) => pool.use((client) => findByIds(client, tables, ids)),
    findPositions: (ids) => pool.use((client) => findPositions(client, tables, ids)),
    body: (sha256) => pool.use((client) => readBody(client, tables, sha256)),
    bodies: (digests) => pool.use((client) => readBodies(client, tables, digests)),
    eraseBodies: async (digests) => {
      if (readOnly) throw new Error(`the event stream in ${server.name} was opened read-only`);
      return eraseBodies({ ...tables, server, ledger, writer, hashing }, digests);
    },
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      await close();
    },
  };
}

type AppendWatchOptions = Readonly<{
  server: Server;
  channel: string;
  headPosition: () => Promise<number>;
}>;

const POLL_MS = 500;

/**
 * Waits for the stream to grow. An append by this instance wakes its waiters at once, an append by
 * another one with a notification of the server. Notifications may be lost with their connection, so
 * the head is polled as well.
 */
function createAppendWatch(options: AppendWatchOptions): Omit<HeadWaiters, "look"> {
  const { server, channel, headPosition } = options;
  const closing = new AbortController();
  let isListening = false;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => POLL_MS,
    // Starts with the first waiter: without one, no connection is needed.
    onWait: () => {
      if (isListening) return;
      isListening = true;
      const onNotification = (payload: string) => waiters.announce(Number(payload));
      const onConnected = () => void look();
      void keepListening({ server, channel, onNotification, onConnected }, closing.signal);
    },
  });
  return {
    ...waiters,
    close: () => {
      closing.abort();
      waiters.close();
    },
  };
}

type NotificationOptions = Readonly<{
  server: Server;
  channel: string;
  onNotification: (payload: string) => void;
  /** Called for a new connection, because notifications may have been missed before it. */
  onConnected: () => void;
}>;

const RECONNECT = { delayMsMin: 100, delayMsMax: 5_000, jitter: jitterAround } as const;
/** Interval of the queries that detect a dead connection. */
const KEEPALIVE_MS = 10_000;
const LISTENER = { access: "read", timeoutMs: 5_000, isPipelined: true } as const;

/**
 * Listens on a channel of the server, over a dedicated connection, until the signal aborts. A lost
 * connection is reopened, however long that takes.
 */
async function keepListening(options: NotificationOptions, signal: AbortSignal): Promise<void> {
  const backoff = createBackoff(RECONNECT);
  while (!signal.aborted) {
    if (await listenOnce(options, signal)) backoff.reset();
    await wait(backoff.next(), undefined, { signal }).catch(() => undefined);
  }
}

/** Listens until the connection is lost or the signal aborts. @returns whether it connected */
async function listenOnce(options: NotificationOptions, signal: AbortSignal): Promise<boolean> {
  const { server, channel, onNotification, onConnected } = options;
  let client: Client | null = null;
  try {
    client = await openClient(server, LISTENER);
    const ended = once(client, "end").catch(() => undefined);
    client.on("notification", ({ payload = "" }) => onNotification(payload));
    await queryCells(client, { text: `LISTEN ${quoted(channel)}` });
    onConnected();
    await Promise.race([ended, keepAlive(client, signal)]);
    return true;
  } catch {
    return client !== null;
  } finally {
    if (client !== null) closeClient(client);
  }
}

/** Queries the server until the signal aborts. @throws the driver's error if the connection is dead */
async function keepAlive(client: Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(KEEPALIVE_MS, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await queryCells(client, { text: "SELECT" });
  }
}

/** `VACUUM` of a large table takes long, and blocks no reads or writes. */
const VACUUM_TIMEOUT_MS = 3_600_000;

type EraseOptions = Readonly<{
  server: Server;
  ledger: string;
  writer: ReconnectingClient;
  statements: StreamStatements;
  hashing: Hashing;
}>;

/**
 * Deletes bodies and vacuums their table, so that no query can return the rows. The server overwrites
 * nothing: it reuses the space for later rows, and copies that it wrote elsewhere remain.
 *
 * @returns where the bytes may still be
 */
async function eraseBodies(
  { server, ledger, writer, statements, hashing }: EraseOptions,
  digests: readonly string[],
): Promise<readonly OutOfReach[]> {
  const ids = digests.map((sha256) => bodyErasedId(sha256, hashing));
  await writer.use((client) => queryCells(client, statements.eraseBodies, [digests, ids]));
  const table = `${quoted(ledgerSchema(ledger))}.bodies`;
  const client = { access: "write", timeoutMs: VACUUM_TIMEOUT_MS, isPipelined: false } as const;
  const vacuuming = createReconnectingClient({ server, mapping: STREAM, client });
  try {
    await vacuuming.use((opened) => queryCells(opened, { text: `VACUUM ${table}` }));
  } finally {
    vacuuming.close();
  }
  return [
    {
      where: `free space in the pages of ${table}`,
      until: `later deliveries take it, or \`VACUUM FULL ${table}\` writes the table anew (appends wait meanwhile)`,
    },
    {
      where: "the server's write-ahead log, and archives of it",
      until:
        "`CHECKPOINT` and as many new log files as max_wal_size allows have passed; archives: when they are removed",
    },
    {
      where: "replicas, and what was logically replicated elsewhere",
      until:
        "they have replayed the deletion and vacuumed; copies of another kind: never by itself",
    },
  ];
}
