import { DatabaseSync } from "node:sqlite";
import { IS_INDEXED_TYPE } from "../sql/events.ts";
import { added, different, layOutAgain, missing, replaceTable } from "../sql/other-layout.ts";

const layoutOf = ({ id, bodies }: Readonly<{ id: string; bodies: string }>) => `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    ${id},
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

  ${bodies}
`;

/**
 * The position is the rowid, so the stream is read in the order of the table. The unique constraint on
 * ids is what makes every fact recorded exactly once. Ids and hashes are text, which node:sqlite
 * reads faster than a BLOB. `data` is the last column, so that long data need not be read to reach
 * the other columns.
 */
export const LAYOUT = layoutOf({
  id: "id TEXT NOT NULL UNIQUE",
  bodies: "CREATE TABLE bodies (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);",
});

/** Of a file that had format 2: it keeps its tables, and has unique indexes in place of the constraints. */
const migratedLayout = (number: string) =>
  layoutOf({
    id: "id TEXT NOT NULL",
    bodies: `
      CREATE UNIQUE INDEX events_id ON events (id);
      CREATE TABLE bodies (${number}, sha256 TEXT NOT NULL, bytes BLOB NOT NULL);
      CREATE UNIQUE INDEX bodies_sha256 ON bodies (sha256);`,
  });

const LAYOUTS: readonly string[] = [
  LAYOUT,
  migratedLayout("number INTEGER PRIMARY KEY AUTOINCREMENT"),
  // The first files of format 2.
  migratedLayout("number INTEGER PRIMARY KEY"),
];

/**
 * Compares the tables, indexes, triggers and views of a file with those that this program lays out.
 *
 * @returns what is missing, different or added, and what to do about each
 */
export function findOtherLayout(database: DatabaseSync): readonly string[] {
  const found = objectsIn(database);
  const ofEach = LAYOUTS.map((layout) => differences(found, objectsOf(layout)));
  // It was laid out as the one that it is nearest to.
  return ofEach.reduce((least, one) => (one.length < least.length ? one : least));
}

/** The statements that laid out a file, by `type name`. */
type Objects = ReadonlyMap<string, string>;

function objectsOf(layout: string): Objects {
  const database = new DatabaseSync(":memory:");
  database.exec(layout);
  const objects = objectsIn(database);
  database.close();
  return objects;
}

/** SQLite's own are left out: the indexes of constraints follow from their tables, statistics change nothing. */
const OBJECTS =
  "SELECT type || ' ' || name AS object, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' ORDER BY rowid";

function objectsIn(database: DatabaseSync): Objects {
  const rows = database.prepare(OBJECTS).all();
  return new Map(rows.map(({ object, sql }) => [String(object), onOneLine(String(sql))]));
}

const onOneLine = (sql: string): string =>
  sql
    .replace(/--[^\n]*|\/\*.*?\*\//gs, " ")
    .replace(/\s+/g, " ")
    .trim();

/** Without what changes nothing: quoted names, and spaces beside punctuation. */
const meant = (sql: string): string => sql.replaceAll('"', "").replace(/ ?([(),]) ?/g, "$1");

function differences(found: Objects, expected: Objects): readonly string[] {
  const laidOut = [...expected].flatMap(([object, sql]) => {
    const present = found.get(object);
    if (present === undefined) return [missing(object, adviceOn(object, sql))];
    if (meant(present) === meant(sql)) return [];
    return [different(object, present, sql, adviceOn(object, sql))];
  });
  const others = [...found.keys()].filter((object) => !expected.has(object));
  return [...laidOut, ...others.map((object) => added(object, `DROP ${upperCased(object)}`))];
}

/** An index follows from its table. */
const adviceOn = (object: string, sql: string): string =>
  object.startsWith("index ")
    ? layOutAgain(`DROP INDEX IF EXISTS ${object.slice(6)}; ${sql}`)
    : replaceTable("the file");

const upperCased = (object: string): string => object.replace(/^\w+/, (type) => type.toUpperCase());
