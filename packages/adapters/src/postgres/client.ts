import pg, {
  type Client,
  type ClientBase,
  type ClientConfig,
  type PoolClient,
  type QueryArrayConfig,
} from "pg";
import type { Stored } from "../sql/trouble.ts";
import { isConnectionLost, portError, type Server, ServerUnfit } from "./server.ts";

/** How long a server may take to accept a connection and its user. */
const CONNECT_TIMEOUT_MS = 5_000;
const VERSION_MIN = 15;

export type ClientOptions = Readonly<{
  /** `write` needs a primary. */
  access: "read" | "write";
  /** How long one statement may take; the server ends it, and where that fails, this side does. */
  timeoutMs: number;
  /**
   * Statements are sent as they come, without waiting for the answers before them. COPY is not
   * possible on such a connection.
   */
  isPipelined: boolean;
  /** Of the server, for this connection. */
  settings?: Readonly<Record<string, string>>;
}>;

const COMMON_SETTINGS = {
  // A plan that was made while a table was empty reads it from end to end, and would be kept until
  // the server gathers its figures, when the table has millions of rows: every execution plans anew.
  plan_cache_mode: "force_custom_plan",
  // What waits for a lock must then see what its holder committed. A database may be set to a
  // stricter level, which shows every statement the moment of the transaction's first.
  default_transaction_isolation: "read committed",
};

/**
 * For connections whose every question has its index. Before the server has gathered figures, its
 * planner takes a young table for a small one and would rather read it all.
 */
export const ALWAYS_BY_INDEX = { enable_seqscan: "off", enable_bitmapscan: "off" };

/** The driver's options; every value comes as the server's text, which the callers know to read. */
function clientConfig(server: Server, options: ClientOptions): ClientConfig {
  const { timeoutMs, isPipelined } = options;
  return {
    ...server.config,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: timeoutMs,
    // A server that has fallen silent cannot end its own statement.
    query_timeout: timeoutMs + 1_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: isPipelined,
    types: { getTypeParser: () => asText },
  };
}

const asText = (text: string | Buffer): string => String(text);

/** Opens a connection of one's own, on a server that is fit for the work. */
export async function openClient(server: Server, options: ClientOptions): Promise<Client> {
  const client = new pg.Client(clientConfig(server, options));
  // Its next use fails; without a listener a lost connection would end the process.
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

/** Closes without waiting: the server may be away. */
export function closeClient(client: Client): void {
  client.end().catch(() => undefined);
}

/** One statement; with a name it is prepared once on each connection. */
export type Statement = Readonly<{ name?: string; text: string }>;

export type Cells = readonly (string | null)[];

/** Runs one statement and answers its rows as the server prints them. */
export async function queryCells(
  client: ClientBase,
  { name, text }: Statement,
  values: readonly unknown[] = [],
  /** How long it may take until the answer comes, where that is not the connection's time. */
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

/** Whether the server is fit for the work, and how it is to do it. */
async function prepareSession(client: ClientBase, options: ClientOptions): Promise<void> {
  await checkServer(client, options.access);
  const settings = Object.entries({ ...COMMON_SETTINGS, ...options.settings });
  const calls = settings.map((_, at) => `set_config($${2 * at + 1}, $${2 * at + 2}, false)`);
  await queryCells(client, { text: `SELECT ${calls.join(", ")}` }, settings.flat());
}

const SETTINGS = `
  SELECT current_setting('server_version_num'), pg_is_in_recovery(),
    current_setting('default_transaction_read_only'), current_setting('synchronous_commit'),
    current_setting('server_encoding')`;

/**
 * On every new connection, since a server may fail over, and a setting of a role or a database may
 * change, while the program runs.
 */
export async function checkServer(
  client: ClientBase,
  access: ClientOptions["access"],
): Promise<void> {
  const [row = []] = await queryCells(client, { text: SETTINGS });
  const [version, isStandby, isReadOnly, synchronousCommit, encoding] = row;
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
  if (synchronousCommit === "off") {
    throw new ServerUnfit(
      "synchronous_commit is off, so that what is acknowledged may be lost",
      "set it to on for this server, database and role",
    );
  }
}

/** A connection that outlives the troubles of its server. */
export type ReconnectingClient = Readonly<{
  /**
   * Runs `work` on the connection, opened anew where the last one was lost. Errors are the port's;
   * nothing is tried again.
   */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>;
  close(): void;
}>;

type ReconnectingOptions = Readonly<{
  server: Server;
  stored: Stored;
  client: ClientOptions;
}>;

export function createReconnectingClient(options: ReconnectingOptions): ReconnectingClient {
  const { server, stored } = options;
  /** Callers that come while it is being opened wait for the same one. */
  let current: Promise<Client> | null = null;
  let closed = false;

  function connection(): Promise<Client> {
    if (closed) throw new Error(`the ${stored.name} in ${server.name} was closed by this process`);
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
    use: async (work) => {
      const opened = connection();
      try {
        return await work(await opened);
      } catch (error) {
        if (isConnectionLost(error)) drop(opened);
        throw portError(error, stored, server);
      }
    },
    close: () => {
      closed = true;
      if (current !== null) drop(current);
    },
  };
}

/** Connections for reads, opened when they are needed. A caller that finds none free waits, but not for long. */
export type Pool = Readonly<{
  /** Runs `work` alone on a connection; errors of the driver are the port's. */
  use<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}>;

export type PoolOptions = Readonly<{
  server: Server;
  stored: Stored;
  sizeMax: number;
  client: ClientOptions;
}>;

export function createPool({ server, stored, sizeMax, client }: PoolOptions): Pool {
  const pool = new pg.Pool({
    ...clientConfig(server, client),
    max: sizeMax,
    onConnect: (connected) => prepareSession(connected, client),
  });
  // An idle connection that is lost is opened again when it is needed.
  pool.on("error", () => undefined);
  let closing: Promise<void> | null = null;
  return {
    use: async (work) => {
      if (closing)
        throw new Error(`the ${stored.name} in ${server.name} was closed by this process`);
      try {
        const connection = await pool.connect();
        // A connection that is lost while it is idle fails at its next statement.
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
        throw portError(error, stored, server);
      }
    },
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** What follows or keeps a stream needs: some connections for reads, one that writes. */
export type Connections = Readonly<{
  server: Server;
  pool: Pool;
  writer: ReconnectingClient;
  close(): Promise<void>;
}>;

type ConnectionsOptions = Readonly<{
  server: Server;
  stored: Stored;
  readersMax: number;
  timeoutMs: number;
  /** Of the server, for connections that read and for the one that writes. */
  settings: Readonly<Record<"read" | "write", Readonly<Record<string, string>>>>;
}>;

export function openConnections(options: ConnectionsOptions): Connections {
  const { server, stored, readersMax, timeoutMs, settings } = options;
  const clientFor = (access: "read" | "write") =>
    ({ access, timeoutMs, isPipelined: true, settings: settings[access] }) as const;
  const pool = createPool({ server, stored, sizeMax: readersMax, client: clientFor("read") });
  const writer = createReconnectingClient({ server, stored, client: clientFor("write") });
  const close = async () => {
    writer.close();
    await pool.close();
  };
  return { server, pool, writer, close };
}
