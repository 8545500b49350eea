import type { DatabaseSync } from "node:sqlite";
import type { Head } from "@counterfoil/core/stream/chain";
import { type OpenMode, openDatabase } from "./database.ts";
import { createLogSizer } from "./log-size.ts";
import { checkStream, type Migrated, migrateStream } from "./stream-schema.ts";
import { prepareStream, type StreamStatements } from "./stream-statements.ts";

/** What the stream's functions work with: one connection and what was prepared on it. */
export type StreamConnection = Readonly<{
  database: DatabaseSync;
  statements: StreamStatements;
  /** To be called before an append with the number of its events. */
  sizeLog: (events: number) => void;
  /** The head of the stream before its first event. */
  empty: Head;
}>;

const WRITER_PRAGMAS = [
  // Readers never wait for the writer, nor it for them.
  "journal_mode = WAL",
  // An append is durable when it is acknowledged: the log is flushed at every commit.
  "synchronous = FULL",
  // After a log that a long reader made grow, the disk gets its space back.
  "journal_size_limit = 67108864",
  "cache_size = -8192",
];

const LOG_SIZE = { bulkRows: 128, livePages: 1_000, bulkPages: 4_000 };

const READER_PRAGMAS = ["cache_size = -8192"];

export function openStreamConnection(
  options: Readonly<{
    file: string;
    ledger: string;
    mode: OpenMode;
    empty: Head;
    onMigrated?: (migrated: Migrated) => void;
  }>,
): StreamConnection {
  const { file, ledger, mode, empty, onMigrated } = options;
  const pragmas = mode === "read" ? READER_PRAGMAS : WRITER_PRAGMAS;
  const database = openDatabase(file, { mode, pragmas });
  try {
    if (mode === "read") checkStream(database, file, ledger);
    else {
      const migrated = migrateStream(database, file, ledger);
      if (migrated !== null) onMigrated?.(migrated);
    }
    const sizeLog = createLogSizer(database, LOG_SIZE);
    return { database, statements: prepareStream(database), sizeLog, empty };
  } catch (error) {
    database.close();
    throw error;
  }
}
