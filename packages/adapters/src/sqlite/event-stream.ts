import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createAppendWatch } from "./append-watch.ts";
import { STREAM_FILE } from "./engine-error.ts";
import { createFolder } from "./folder.ts";
import { openStreamThread } from "./open-stream-thread.ts";
import {
  createReconnectingConnection,
  type ReconnectingConnection,
} from "./reconnecting-connection.ts";
import { openStreamConnection, type StreamConnection } from "./stream-connection.ts";
import { readBody, readHead, readPage, readTypes } from "./stream-read.ts";
import { type Migrated, streamMissing } from "./stream-schema.ts";
import { createStreamWriter } from "./stream-writer.ts";

export type EventStreamOptions = Readonly<{
  /** The ledger's folder; the stream is `stream.db` in it. */
  dataDir: string;
  ledger: string;
  hashing: Hashing;
  clock: Clock;
  /** Neither creates nor writes anything; for every role but the ingestor. */
  readOnly?: boolean;
  /** Finds by ids and appends on a thread of its own. */
  ownThread?: boolean;
  /** Hears when a file of an older format was migrated. */
  logger?: Readonly<{ info(fields: object, message: string): void }> | undefined;
}>;

/**
 * Opens the stream of a ledger, one SQLite file.
 *
 * @throws StreamMissing when read-only and nobody has created it yet;
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted when it must not be used;
 * @throws StreamUnavailable when it cannot be used just now.
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { ledger, hashing, readOnly = false, logger } = options;
  const dataDir = resolve(options.dataDir);
  const file = join(dataDir, "stream.db");
  if (readOnly && !existsSync(file)) throw streamMissing(file);
  if (!readOnly) createFolder(dataDir, STREAM_FILE);

  const empty = emptyHead(ledger, hashing);
  const onMigrated = (migrated: Migrated) =>
    logger?.info({ file, ...migrated }, "migrated the event stream to the present format");
  const connection = createReconnectingConnection({
    file,
    kind: STREAM_FILE,
    mode: readOnly ? "read" : "create",
    open: (mode) => openStreamConnection({ file, ledger, mode, empty, onMigrated }),
  });
  await connection.use(readHead);
  return createEventStream(file, connection, options);
}

function createEventStream(
  file: string,
  connection: ReconnectingConnection<StreamConnection>,
  options: EventStreamOptions,
): EventStream {
  const { use } = connection;
  const { ledger, clock, hashing, readOnly, ownThread = false } = options;
  const thread = ownThread ? openStreamThread({ file, ledger }) : null;
  const { append, findByIds } = thread ?? createStreamWriter(connection, hashing);
  const watch = createAppendWatch(file, async () => (await use(readHead)).position);
  return {
    head: () => use(readHead),
    append: async (expectedPosition, events, bodies = []) => {
      if (readOnly) throw new Error(`the event stream in ${file} was opened read-only`);
      const result = await append({ expectedPosition, events, bodies, now: clock.now() });
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ after, limit, types }) =>
      types === undefined
        ? use((opened) => readPage(opened, after, limit))
        : readTypes(use, { after, limit, types }),
    findByIds,
    body: (sha256) => use((opened) => readBody(opened, sha256)),
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      await thread?.close();
      connection.close();
    },
  };
}
