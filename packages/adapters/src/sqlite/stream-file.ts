import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Head } from "@counterfoil/core/stream/chain";
import {
  FormatTooNew,
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
} from "@counterfoil/processing/ports/errors";
import { STREAM } from "../sql/engine-errors.ts";
import { IS_INDEXED_TYPE, OF_EVENT, WRITTEN_COLUMNS } from "../sql/events.ts";
import {
  inTransaction,
  isUniqueViolation,
  type OpenMode,
  openDatabase,
  PAGE_CACHE,
  portError,
  unplanned,
} from "./database.ts";
import { findOtherLayout, LAYOUT } from "./stream-layout.ts";

/** A connection to the stream with its prepared statements. */
export type StreamConnection = Readonly<{
  database: DatabaseSync;
  statements: StreamStatements;
  /** The head of the stream before its first event. */
  empty: Head;
}>;

const WRITER_PRAGMAS = [
  // Readers and the writer do not block each other.
  "journal_mode = WAL",
  // Flushes the log at every commit, so that an acknowledged append is durable.
  "synchronous = FULL",
  // Shrinks the log again after a long read made it grow.
  "journal_size_limit = 67108864",
  PAGE_CACHE.appending,
  // Overwrites deleted or moved content where it was, so that bodies can be erased.
  "secure_delete = ON",
];

const READER_PRAGMAS = [PAGE_CACHE.reading];

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
    return { database, statements: prepareStream(database), empty };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * A list is passed as a JSON array, so that one prepared statement handles any length. CROSS JOIN keeps
 * SQLite from swapping the loops and scanning the stream.
 */
const LISTED = "json_each(?) AS listed CROSS JOIN events AS e";

const LIMIT = `LIMIT ${unplanned("?")}`;

const page = (order: Order) =>
  `SELECT ${OF_EVENT} FROM events AS e WHERE position > ? AND position <= ? ORDER BY position${order} ${LIMIT}`;
// Scans a bounded window, since these types may not occur for millions of positions.
const windowOfTypes = (order: Order) =>
  `SELECT ${OF_EVENT} FROM events AS e WHERE position > ? AND position <= ? AND type IN (SELECT value FROM json_each(?)) ORDER BY position${order} ${LIMIT}`;
// The repeated condition makes the partial index usable; it is ordered by position within one type.
const indexedPositions = (order: Order) =>
  `SELECT position FROM events INDEXED BY events_rare WHERE type = ? AND ${IS_INDEXED_TYPE} AND position > ? AND position <= ? ORDER BY position${order} ${LIMIT}`;
const byPositions = (order: Order) =>
  `SELECT ${OF_EVENT} FROM ${LISTED} WHERE e.position = listed.value ORDER BY e.position${order}`;
type Order = "" | " DESC";

const SQL = {
  head: "SELECT position, hash, recorded_at FROM events ORDER BY position DESC LIMIT 1",
  insert: `INSERT INTO events (${WRITTEN_COLUMNS.join(", ")}) VALUES (${WRITTEN_COLUMNS.map(() => "?")})`,
  insertBody: `INSERT INTO bodies (sha256, bytes)
    SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?) ON CONFLICT DO NOTHING`,
  eraseBody: `DELETE FROM bodies WHERE sha256 = ? AND EXISTS (SELECT 1 FROM events WHERE id = ?)`,
  // Somebody may have stored the same bytes as text.
  body: "SELECT CAST(bytes AS BLOB) FROM bodies WHERE sha256 = ?",
  page: page(""),
  pageBackwards: page(" DESC"),
  windowOfTypes: windowOfTypes(""),
  windowOfTypesBackwards: windowOfTypes(" DESC"),
  indexedPositions: indexedPositions(""),
  indexedPositionsBackwards: indexedPositions(" DESC"),
  byIds: `SELECT ${OF_EVENT} FROM ${LISTED} WHERE e.id = listed.value`,
  // The index of ids contains the positions, so no rows are read.
  idPositions: `SELECT e.id, e.position FROM ${LISTED} WHERE e.id = listed.value`,
  amendmentPositions: `SELECT e.about, e.position FROM ${LISTED} WHERE e.about = listed.value`,
  byPositions: byPositions(""),
  byPositionsBackwards: byPositions(" DESC"),
  amendments: `SELECT e.about, ${OF_EVENT} FROM ${LISTED} WHERE e.about = listed.value ORDER BY e.position`,
} as const;

export type StreamStatements = Readonly<Record<keyof typeof SQL, StatementSync>>;

/** Each is prepared when it is first used: a file without an index can be read, and verified, without it. */
function prepareStream(database: DatabaseSync): StreamStatements {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    // Nanoseconds exceed 2^53; the setting applies to all integers of a statement.
    statement.setReadBigInts(true);
    return statement;
  };
  const prepared = new Map<string, StatementSync>();
  const statements = Object.entries(SQL).map(([name, sql]) => {
    const get = () => {
      const statement = prepared.get(name) ?? prepare(sql);
      prepared.set(name, statement);
      return statement;
    };
    return [name, { get }] as const;
  });
  return Object.defineProperties({}, Object.fromEntries(statements)) as StreamStatements;
}

const FORMAT = 3;

/** The key in `meta` of a file in which all deleted or moved content was overwritten. */
export const KEEPS_NO_REMNANTS = "keeps_no_remnants";

/**
 * Migrations from each older format to the current one. Format 1 had the same tables. Format 2 kept ids
 * and digests in index tables of its own, and numbered its bodies, which keep their numbers.
 */
const MIGRATIONS: Readonly<Record<number, (database: DatabaseSync) => void>> = {
  0: (database) => {
    database.exec(LAYOUT);
    database.prepare("INSERT INTO meta VALUES (?, 'from the first')").run(KEEPS_NO_REMNANTS);
  },
  1: () => {},
  2: (database) => {
    database.exec(`
      DROP TABLE events_keys; DROP TABLE events_settled;
      DROP TABLE bodies_keys; DROP TABLE bodies_settled;
    `);
    if (!makeUnique(database, "events", "id")) database.exec(INDEX_OF_REPEATED_IDS);
    if (!makeUnique(database, "bodies", "sha256")) {
      database.exec(WITHOUT_REPEATED_BODIES);
      makeUnique(database, "bodies", "sha256");
    }
  },
};

/** Lets readers find events by id in a file that must not be appended to. */
const INDEX_OF_REPEATED_IDS = "CREATE INDEX events_id ON events (id)";

/** Deletes repeated bodies: bodies with the same digest have the same bytes. */
const WITHOUT_REPEATED_BODIES =
  "DELETE FROM bodies WHERE number NOT IN (SELECT min(number) FROM bodies GROUP BY sha256)";

/** @returns false, with nothing changed, if a value occurs twice */
function makeUnique(database: DatabaseSync, table: string, column: string): boolean {
  try {
    database.exec(`CREATE UNIQUE INDEX ${table}_${column} ON ${table} (${column})`);
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

export type Migrated = Readonly<{ from: number; to: number; ms: number }>;

/**
 * Migrates the file to the current format. If several processes start at once, the one that gets the
 * write lock migrates, and the others find it done.
 *
 * @returns the migration from an older format; null if the file was new or current
 * @throws StreamCorrupted if an event id occurs twice in the file
 */
function migrateStream(database: DatabaseSync, file: string, ledger: string): Migrated | null {
  const started = performance.now();
  let found = formatOf(database, file);
  if (found < FORMAT) {
    inTransaction(database, "IMMEDIATE", () => {
      found = formatOf(database, file);
      if (found === FORMAT) return;
      MIGRATIONS[found]?.(database);
      const name = database.prepare("INSERT OR IGNORE INTO meta VALUES ('ledger', ?)");
      name.run(ledger);
      writeFormat(database);
    });
  }
  checkLedger(database, file, ledger);
  checkIdsAreUnique(database, file);
  if (found === 0 || found === FORMAT) return null;
  return { from: found, to: FORMAT, ms: Math.round(performance.now() - started) };
}

/** Checks the format and the ledger for a reader, which must not migrate. */
function checkStream(database: DatabaseSync, file: string, ledger: string): void {
  const found = formatOf(database, file);
  if (found === 0) throw streamMissing(file);
  if (found < FORMAT) {
    throw new StreamMissing(
      `the event stream in ${file} has format ${found}, expected ${FORMAT}: the first ingestor of this version brings it there`,
    );
  }
  checkLedger(database, file, ledger);
}

export function streamMissing(file: string): StreamMissing {
  return new StreamMissing(
    `no event stream in ${file} yet: the first ingestor creates it (\`counterfoil start\`); COUNTERFOIL_DATA_DIR says where it is`,
  );
}

/** Writes a page of the file; of a file that has this format already it changes nothing. */
export function writeFormat(database: DatabaseSync): void {
  database.exec(`PRAGMA user_version = ${FORMAT}`);
}

function formatOf(database: DatabaseSync, file: string): number {
  const found = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (found <= FORMAT) return found;
  throw new FormatTooNew(
    `${file} has format ${found}, and this program knows none above ${FORMAT}: run the newer program that wrote it`,
  );
}

/** The hash chain starts from the ledger's name, so with another name every hash would differ. */
function checkLedger(database: DatabaseSync, file: string, ledger: string): void {
  const found = database.prepare("SELECT value FROM meta WHERE key = 'ledger'").get()?.value;
  if (found === ledger) return;
  throw new LedgerMismatch(
    `${file} belongs to ledger "${found}", expected "${ledger}": set COUNTERFOIL_LEDGER or COUNTERFOIL_DATA_DIR so that they agree`,
  );
}

const IS_ID_UNIQUE = `
  SELECT 1 FROM pragma_index_list('events') AS list
  WHERE list."unique" AND NOT list.partial
    AND (SELECT group_concat(name) FROM pragma_index_info(list.name)) = 'id'`;

const REPEATED_IDS = `
  SELECT id, group_concat(position, ' and ') AS positions
  FROM (SELECT id, position FROM events ORDER BY id, position)
  GROUP BY id HAVING count(*) > 1 ORDER BY min(position)`;

const REPEATED_IDS_NAMED = 5;

/**
 * Only a file that had format 2 can hold an id twice, since that format had no unique constraint, or one that
 * somebody else laid out. It must not be appended to, because one fact would be counted twice.
 */
function checkIdsAreUnique(database: DatabaseSync, file: string): void {
  if (database.prepare(IS_ID_UNIQUE).get() !== undefined) return;
  const repeated = database
    .prepare(REPEATED_IDS)
    .all()
    .map(({ id, positions }) => `${id} at positions ${positions}`);
  if (repeated.length === 0) {
    throw new StreamCorrupted(
      `nothing keeps event ids unique in ${file}, so it is not appended to: \`counterfoil verify\` says what is missing, and what to do`,
    );
  }
  const others = repeated.length - REPEATED_IDS_NAMED;
  const named = repeated.slice(0, REPEATED_IDS_NAMED).join(", ");
  throw new StreamCorrupted(
    `${file} holds event ids twice: ${named}${others > 0 ? `, and ${others} more` : ""}; it can be read (gateway, projector, verify) but not appended to: keep it, restore a backup from before the second position, and let the providers send again what came since`,
  );
}

/**
 * Reports another layout than this program's, and what SQLite's integrity check finds: damaged pages, indexes
 * that differ from their tables.
 */
export function checkStreamFile(file: string): readonly string[] {
  const database = openDatabase(file, { mode: "read", pragmas: READER_PRAGMAS });
  try {
    const found = database.prepare("PRAGMA integrity_check(20)").all();
    const lines = found.map((row) => String(row.integrity_check)).filter((line) => line !== "ok");
    return [...findOtherLayout(database), ...lines];
  } catch (error) {
    // The damage stopped the integrity check itself.
    const ofPort = portError(error, STREAM, file);
    if (ofPort instanceof StreamCorrupted) return [ofPort.message];
    throw ofPort;
  } finally {
    database.close();
  }
}
