import type { DatabaseSync } from "node:sqlite";
import type { OpenMode } from "./database.ts";
import { type FileKind, portError } from "./engine-error.ts";
import { identityOf } from "./file-identity.ts";
import { whileBusy } from "./while-busy.ts";

/** An open file, with whatever was prepared on it. */
export type Connection = Readonly<{ database: DatabaseSync }>;

export type ReconnectingConnection<C extends Connection> = Readonly<{
  /** Runs `work` on an open connection; waits while others hold the file; errors are the port's. */
  use<T>(work: (connection: C) => T): Promise<T>;
  /** The same for a read that a `use` will follow: whether the file is still that one is left to it. */
  peek<T>(work: (connection: C) => T): Promise<T>;
  close(): void;
}>;

type Options<C extends Connection> = Readonly<{
  file: string;
  kind: FileKind;
  /** The mode of the first opening. */
  mode: OpenMode;
  open: (mode: OpenMode) => C;
}>;

/**
 * A connection that outlives the troubles of its disk. After an error that says nothing certain
 * about the connection's state it is dropped, and the next use opens another. A file that was
 * opened once is never created again: where it has vanished, an empty one in its place would
 * swallow what is acknowledged from then on.
 */
export function createReconnectingConnection<C extends Connection>(
  options: Options<C>,
): ReconnectingConnection<C> {
  const { file, kind, open } = options;
  let { mode } = options;
  let current: Readonly<{ connection: C; identity: string }> | null = null;
  let closed = false;

  function connection(): C {
    if (closed) throw new Error(`the ${kind.name} in ${file} was closed by this process`);
    if (current === null) {
      const connection = open(mode);
      if (mode === "create") mode = "write";
      current = { connection, identity: identityOf(file) };
    }
    return current.connection;
  }

  function drop(): void {
    const database = current?.connection.database;
    current = null;
    if (database?.isOpen) database.close();
  }

  /** A connection to a file that was deleted or replaced would write where nobody reads. */
  function checkedConnection(): C {
    if (!closed && current !== null && current.identity !== identityOf(file)) drop();
    return connection();
  }

  async function run<T>(work: () => T): Promise<T> {
    try {
      return await whileBusy(work);
    } catch (error) {
      const ofPort = portError(error, kind, file);
      if (ofPort !== error || current?.connection.database.isOpen === false) drop();
      throw ofPort;
    }
  }

  return {
    use: (work) => run(() => work(checkedConnection())),
    peek: (work) => run(() => work(connection())),
    close: () => {
      closed = true;
      drop();
    },
  };
}
