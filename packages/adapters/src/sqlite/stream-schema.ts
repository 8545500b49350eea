import type { DatabaseSync } from "node:sqlite";
import { FormatTooNew, LedgerMismatch, StreamMissing } from "@counterfoil/processing/ports/errors";
import { IS_INDEXED_TYPE } from "../bulk-types.ts";
import { inTransaction } from "./database.ts";
import { keyIndexLayout, type NamedRows, settleAll } from "./key-index.ts";

/** What is looked up by a name that is as good as random. */
export const EVENT_IDS: NamedRows = { table: "events", place: "position", name: "id" };
export const BODY_DIGESTS: NamedRows = { table: "bodies", place: "number", name: "sha256" };

/**
 * Position is the rowid, so a reader of the stream walks the table from front to back. Ids and
 * hashes are text: node:sqlite reads it faster than a BLOB. `data` stands last, where a long one
 * does not lie between a reader and the other columns. The latest format has no unique index over
 * ids and digests: see `key-index.ts`.
 */
const MIGRATIONS: readonly ((database: DatabaseSync) => void)[] = [
  (database) =>
    database.exec(`
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    subject TEXT NOT NULL,
    occurred_at INTEGER,
    recorded_at INTEGER NOT NULL,
    causation_id TEXT,
    correlation_id TEXT,
    hash TEXT NOT NULL,
    about TEXT,
    data TEXT NOT NULL
  );
  CREATE INDEX events_about ON events (about) WHERE about IS NOT NULL;
  CREATE INDEX events_rare ON events (type, position) WHERE ${IS_INDEXED_TYPE};

  CREATE TABLE bodies (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);
  `),
  (database) => {
    database.exec(`
  ALTER TABLE events RENAME TO events_1;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    subject TEXT NOT NULL,
    occurred_at INTEGER,
    recorded_at INTEGER NOT NULL,
    causation_id TEXT,
    correlation_id TEXT,
    hash TEXT NOT NULL,
    about TEXT,
    data TEXT NOT NULL
  );
  INSERT INTO events SELECT * FROM events_1 ORDER BY position;
  DROP TABLE events_1;
  CREATE INDEX events_about ON events (about) WHERE about IS NOT NULL;
  CREATE INDEX events_rare ON events (type, position) WHERE ${IS_INDEXED_TYPE};

  ALTER TABLE bodies RENAME TO bodies_1;
  CREATE TABLE bodies (
    -- Never given twice, also where the last body is erased: the index goes by it.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL,
    bytes BLOB NOT NULL
  );
  INSERT INTO bodies (sha256, bytes) SELECT sha256, bytes FROM bodies_1 ORDER BY rowid;
  DROP TABLE bodies_1;
  `);
    for (const rows of [EVENT_IDS, BODY_DIGESTS]) {
      database.exec(keyIndexLayout(rows));
      settleAll(database, rows);
    }
  },
];

const FORMAT = MIGRATIONS.length;

/**
 * Brings the file to this program's format. Of several processes that start at once, the one that
 * gets the write lock does it; the others find it done.
 */
export function migrateStream(database: DatabaseSync, file: string, ledger: string): void {
  if (formatOf(database, file) < FORMAT) {
    inTransaction(database, "IMMEDIATE", () => {
      const found = formatOf(database, file);
      for (const migrate of MIGRATIONS.slice(found)) migrate(database);
      const name = database.prepare("INSERT OR IGNORE INTO meta VALUES ('ledger', ?)");
      if (found < FORMAT) name.run(ledger);
      database.exec(`PRAGMA user_version = ${FORMAT}`);
    });
  }
  checkLedger(database, file, ledger);
}

/** What a reader, which may not lay anything out, must find. */
export function checkStream(database: DatabaseSync, file: string, ledger: string): void {
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
  return new StreamMissing(`no event stream in ${file} yet: the first ingestor creates it`);
}

function formatOf(database: DatabaseSync, file: string): number {
  const found = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (found <= FORMAT) return found;
  throw new FormatTooNew(
    `${file} has format ${found}, and this program knows none above ${FORMAT}: run the newer program that wrote it`,
  );
}

/** The chain starts from the ledger's name, so another name would make every hash wrong. */
function checkLedger(database: DatabaseSync, file: string, ledger: string): void {
  const found = database.prepare("SELECT value FROM meta WHERE key = 'ledger'").get()?.value;
  if (found === ledger) return;
  throw new LedgerMismatch(
    `${file} belongs to ledger "${found}", expected "${ledger}": set COUNTERFOIL_LEDGER or COUNTERFOIL_DATA_DIR so that they agree`,
  );
}
