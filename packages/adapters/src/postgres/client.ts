import pg, {
  type Client,
  type ClientBase,
  type ClientConfig,
  type PoolClient,
  type QueryArrayConfig,
} from "pg";
import { createGate } from "../gate.ts";
import type { ErrorMapping } from "../sql/engine-errors.ts";
import { isConnectionLost, portError, refusedError, type Server, ServerUnfit } from "./server.ts";

/** Timeout for connecting and authenticating. */
const CONNECT_TIMEOUT_MS = 5_000;
const VERSION_MIN = 15;

export type ClientOptions = Readonly<{
  /** `write` requires a primary. */
  access: "read" | "write";
  /** Timeout of a statement. The server cancels it; if the server does not answer, the client gives up. */
  timeoutMs: number;
  /** Sends statements without waiting for earlier answers. Such a connection cannot run COPY. */
  isPipelined: boolean;
  /** Server settings for this connection. */
  settings?: Readonly<Record<string, string>>;
}>;

const COMMON_SETTINGS = {
  // Plans every execution anew. A plan made while a table was empty scans it sequentially, and would be
  // reused until the server has statistics, when the table may have millions of rows.
  plan_cache_mode: "force_custom_plan",
  // After waiting for a lock, a statement must see what the lock's holder committed. A database may
  // default to a stricter level, where all statements of a transaction use the first one's snapshot.
  default_transaction_isolation: "read committed",
  // A database or role may default to the meaning of other products or of older versions: an array's NULL
  // would be a text, `= NULL` true, and a backslash in a constant an escape.
  array_nulls: "on",
  transform_null_equals: "off",
  standard_conforming_strings: "on",
  // Functions and operators that stand in another schema do not replace the server's own.
  search_path: "pg_catalog",
  // Every statement is short. The planner compiles those that it thinks are expensive, among them each
  // scan of a table of one row where `enable_seqscan` is off: for 25 ms, each time.
  jit: "off",
};

/**
 * Settings for connections whose every query has an index. Without statistics the planner takes a new
 * table for a small one and prefers a sequential scan.
 */
export const ALWAYS_BY_INDEX = { enable_seqscan: "off", enable_bitmapscan: "off" };

/** The driver's options. Values are returned as the server's text, which the callers parse. */
function clientConfig(server: Server, options: ClientOptions): ClientConfig {
  const { timeoutMs, isPipelined } = options;
  return {
    ...server.config,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: timeoutMs,
    // An unresponsive server cannot cancel its own statement.
    query_timeout: timeoutMs + 1_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: isPipelined,
    types: { getTypeParser: () => asText },
  };
}

const asText = (text: string | Buffer): string => String(text);

/** Opens a dedicated connection, and checks that the server meets the requirements. */
export async function openClient(server: Server, options: ClientOptions): Promise<Client> {
  const client = new pg.Client(clientConfig(server, options));
  // Without a listener a lost connection would end the process; its next use fails anyway.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await prepareSession(client, options);
    return client;
  } catch (error) {
    closeClient(client);
    throw error;
  }
}

/** Closes without waiting, since the server may be unreachable. */
export function closeClient(client: Client): void {
  client.end().catch(() => undefined);
}

/** A statement. If it has a name, it is prepared once on each connection. */
export type Statement = Readonly<{ name?: string; text: string }>;

export type Cells = readonly (string | null)[];

/** Runs one statement and returns its rows as the server's text. */
export async function queryCells(
  client: ClientBase,
  { name, text }: Statement,
  values: readonly unknown[] = [],
  /** The client's timeout for the answer, if it differs from the connection's. */
  timeoutMs?: number,
): Promise<readonly Cells[]> {
  const query: QueryArrayConfig & { query_timeout?: number } = {
    text,
    values: [...values],
    rowMode: "array",
  };
  if (name !== undefined) query.name = name;
  if (timeoutMs !== undefined) query.query_timeout = timeoutMs;
  return (await client.query(query)).rows;
}

/** Checks the server and applies the settings of the session. */
async function prepareSession(client: ClientBase, options: ClientOptions): Promise<void> {
  await checkServer(client, options.access);
  const settings = Object.entries({ ...COMMON_SETTINGS, ...options.settings });
  const calls = settings.map((_, at) => `set_config($${2 * at + 1}, $${2 * at + 2}, false)`);
  await queryCells(client, { text: `SELECT ${calls.join(", ")}` }, settings.flat());
}

/** Settings that must be on for writing, or what is acknowledged may be lost; and where each is set. */
const DURABLE = [
  ["synchronous_commit", "for this server, database and role"],
  ["fsync", "for this server"],
] as const;

const SETTINGS = `
  SELECT current_setting('server_version_num'), pg_is_in_recovery(),
    current_setting('default_transaction_read_only'), current_setting('server_encoding'),
    ${DURABLE.map(([setting]) => `current_setting('${setting}')`).join(", ")}`;

/**
 * Checks the server's version, encoding and, for writing, its durability. Called for every new
 * connection, since the server may fail over and settings may change while the program runs.
 */
export async function checkServer(
  client: ClientBase,
  access: ClientOptions["access"],
): Promise<void> {
  const [row = []] = await queryCells(client, { text: SETTINGS });
  const [version, isStandby, isReadOnly, encoding, ...durable] = row;
  const major = Math.floor(Number(version) / 10_000);
  if (major < VERSION_MIN) {
    throw new ServerUnfit(
      `the server has version ${major}`,
      `expected ${VERSION_MIN} or newer: upgrade it`,
    );
  }
  if (encoding !== "UTF8") {
    throw new ServerUnfit(`the database has encoding ${encoding}`, "create it with encoding UTF8");
  }
  if (access === "read") return;
  if (isStandby === "t" || isReadOnly === "on") {
    const found = isStandby === "t" ? "the server is a standby" : "the database is read-only";
    throw new ServerUnfit(found, "make it writable");
  }
  const unfit = DURABLE[durable.indexOf("off")];
  if (unfit !== undefined) {
    const [setting, where] = unfit;
    throw new ServerUnfit(
      `${setting} is off, so that what is acknowledged may be lost`,
      `set it to on ${where}`,
    );
  }
}

/** A connection that recovers from failures of its server. */
export type ReconnectingClient = Readonly<{
  /**
   * Runs `work` on the connection, and opens a new one first if the last was lost. Nothing is retried.
   * With `isExclusive` one work runs at a time: a transaction covers whatever is sent between its begin
   * and its end, and so the statements of another work too.
   *
   * @throws the port's errors
   */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>;
  close(): void;
}>;

type ReconnectingOptions = Readonly<{
  server: Server;
  mapping: ErrorMapping;
  client: ClientOptions;
  isExclusive?: boolean;
}>;

/** Opens a connection at its first use, and another after it was lost. */
export function createReconnectingClient(options: ReconnectingOptions): ReconnectingClient {
  const { server, mapping, isExclusive = false } = options;
  const enter = createGate(isExclusive ? 1 : Number.POSITIVE_INFINITY);
  /** A promise, so that concurrent callers wait for the same connection to open. */
  let current: Promise<Client> | null = null;
  let closed = false;

  function connection(): Promise<Client> {
    if (closed) throw new Error(`the ${mapping.name} in ${server.name} was closed by this process`);
    if (current !== null) return current;
    const opened = openClient(server, options.client);
    current = opened;
    const lost = () => drop(opened);
    opened.then((client) => client.on("error", lost).on("end", lost), lost);
    return opened;
  }

  function drop(opened: Promise<Client>): void {
    if (current === opened) current = null;
    opened.then(closeClient, () => undefined);
  }

  return {
    use: (work) =>
      enter(async () => {
        const opened = connection();
        try {
          return await work(await opened);
        } catch (error) {
          if (isConnectionLost(error)) drop(opened);
          throw portError(error, mapping, server);
        }
      }),
    close: () => {
      closed = true;
      if (current !== null) drop(current);
    },
  };
}

/** Connections for reads, opened on demand. If all are in use, a caller waits up to the connect timeout. */
export type Pool = Readonly<{
  /** Runs `work` with exclusive use of a connection. @throws the port's errors for those of driver and server */
  use<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}>;

type PoolOptions = Readonly<{
  server: Server;
  mapping: ErrorMapping;
  sizeMax: number;
  client: ClientOptions;
}>;

/** Opens up to `sizeMax` connections, as they are needed. */
export function createPool({ server, mapping, sizeMax, client }: PoolOptions): Pool {
  const pool = new pg.Pool({
    ...clientConfig(server, client),
    max: sizeMax,
    onConnect: (connected) => prepareSession(connected, client),
  });
  // A lost idle connection is replaced on demand.
  pool.on("error", () => undefined);
  let closing: Promise<void> | null = null;
  return {
    use: async (work) => {
      if (closing)
        throw new Error(`the ${mapping.name} in ${server.name} was closed by this process`);
      try {
        const connection = await pool.connect();
        // A connection that is lost between statements fails at the next one.
        const ignore = () => undefined;
        connection.on("error", ignore);
        let isSound = false;
        try {
          const result = await work(connection);
          isSound = true;
          return result;
        } finally {
          connection.removeListener("error", ignore);
          connection.release(!isSound);
        }
      } catch (error) {
        throw refusedError(portError(error, mapping, server), mapping, server);
      }
    },
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** The connections of a stream or an index: a pool for reads, and one connection that writes. */
export type Connections = Readonly<{
  server: Server;
  pool: Pool;
  writer: ReconnectingClient;
  close(): Promise<void>;
}>;

type ConnectionsOptions = Readonly<{
  server: Server;
  mapping: ErrorMapping;
  readersMax: number;
  timeoutMs: number;
  /** Server settings for the connections that read and the one that writes. */
  settings: Readonly<Record<"read" | "write", Readonly<Record<string, string>>>>;
}>;

/** A pool of connections that read, and one that writes. */
export function openConnections(options: ConnectionsOptions): Connections {
  const { server, mapping, readersMax, timeoutMs, settings } = options;
  const clientFor = (access: "read" | "write") =>
    ({ access, timeoutMs, isPipelined: true, settings: settings[access] }) as const;
  const pool = createPool({ server, mapping, sizeMax: readersMax, client: clientFor("read") });
  const write = { client: clientFor("write"), isExclusive: true } as const;
  const writer = createReconnectingClient({ server, mapping, ...write });
  const close = async () => {
    writer.close();
    await pool.close();
  };
  return { server, pool, writer, close };
}
