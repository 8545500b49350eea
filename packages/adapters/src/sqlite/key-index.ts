import type { DatabaseSync } from "node:sqlite";

/** Rows of a table that only grows, and the name by which they are looked up. */
export type NamedRows = Readonly<{
  table: string;
  /** Its integer primary key; later rows have higher ones. */
  place: string;
  /** A column of names that are as good as random: event ids, digests of bodies. */
  name: string;
}>;

/**
 * Finds rows by names that are as good as random. Were each entered into a tree of its own kind at
 * once, every append would change as many pages all over the file as it has names, and that costs
 * several times what the rows themselves do. So the names of the last rows are kept in memory, from
 * where they move into the tree many neighbours at a time; a process that starts reads them from
 * the rows themselves. Every method is called inside a transaction.
 */
export type KeyIndex = Readonly<{
  /** Places of the rows that have one of these names. */
  find(names: readonly string[]): ReadonlyMap<string, number>;
  /** Moves names into the tree until few enough are in memory; in a transaction that writes. */
  settle(): void;
  /** To be called where a transaction that settled was rolled back. */
  forget(): void;
}>;

export type KeyIndexOptions = Readonly<{
  /** Names in memory, some two MiB. The first look-up reads about twice as many rows. */
  unsettledMax?: number;
}>;

const UNSETTLED_MAX = 16_384;

/** A slice is a range of keys that move into the tree together. */
const SLICES = 256;
/** 31 times as much is exact still. */
const KEYS = 2 ** 48;
const KEYS_OF_SLICE = KEYS / SLICES;

/**
 * A number that JSON and SQLite hold exactly, and that few names share. Of digests, and of UUIDs
 * that are made from one, any 48 bits would do; the ends of both are taken together, since ids made
 * by hand may count at either.
 */
export function keyOf(name: string): number {
  const ends = ENDS.exec(name);
  if (ends === null) return mixed(name);
  const [, first = "", second = "", last = ""] = ends;
  return (Number.parseInt(first + second, 16) + Number.parseInt(last, 16)) % KEYS;
}

const ENDS = /^([0-9a-f]{8})-?([0-9a-f]{4}).*([0-9a-f]{12})$/;

/** Of a name that is no digest. */
function mixed(name: string): number {
  let key = 0;
  for (let at = 0; at < name.length; at += 1) key = (key * 31 + name.charCodeAt(at)) % KEYS;
  return key;
}

const sliceOf = (key: number): number => Math.floor(key / KEYS_OF_SLICE);

/** The tables of an index; `settled` says up to which row the names of a slice are in the tree. */
export const keyIndexLayout = ({ table }: NamedRows): string => `
  CREATE TABLE ${table}_keys (
    key INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (key, place)
  ) WITHOUT ROWID;
  CREATE TABLE ${table}_settled (slice INTEGER PRIMARY KEY, place INTEGER NOT NULL);
`;

/** Enters all rows at once, as of a file that had no such index. */
export function settleAll(database: DatabaseSync, { table, place, name }: NamedRows): void {
  database.function("key_of", { deterministic: true }, (text) => keyOf(String(text)));
  database.exec(`
    INSERT INTO ${table}_keys SELECT key_of(${name}), ${place} FROM ${table} ORDER BY 1, 2;
    INSERT INTO ${table}_settled
      WITH RECURSIVE slices (slice) AS
        (SELECT 0 UNION ALL SELECT slice + 1 FROM slices WHERE slice < ${SLICES - 1})
      SELECT slice, last FROM slices, (SELECT max(${place}) AS last FROM ${table})
      WHERE last IS NOT NULL;
  `);
}

function prepareAll(database: DatabaseSync, { table, place, name }: NamedRows) {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    last: prepare(`SELECT max(${place}) FROM ${table}`),
    after: prepare(`SELECT ${place}, ${name} FROM ${table} WHERE ${place} > ? ORDER BY ${place}`),
    // CROSS JOIN keeps SQLite from turning the loops around and scanning the rows.
    byKeys: prepare(
      `SELECT row.${place}, row.${name} FROM json_each(?) AS listed CROSS JOIN ${table}_keys AS entry ON entry.key = listed.value CROSS JOIN ${table} AS row ON row.${place} = entry.place`,
    ),
    enter: prepare(`INSERT INTO ${table}_keys SELECT value ->> 0, value ->> 1 FROM json_each(?)`),
    settledOf: prepare(`SELECT place FROM ${table}_settled WHERE slice = ?`),
    allSettled: prepare(`SELECT slice, place FROM ${table}_settled`),
    settle: prepare(
      `INSERT INTO ${table}_settled VALUES (?, ?) ON CONFLICT DO UPDATE SET place = excluded.place`,
    ),
  };
}

/** Names that no row up to `end` has: whoever looks names up soon asks whether he may append them. */
type Absent = Readonly<{ end: number; names: ReadonlySet<string> }>;

const NONE_ABSENT: Absent = { end: -1, names: new Set() };

type NamedPlace = readonly [place: number, name: string];

/** Names that the tree may not have yet, by slice: all those of rows up to `end`. */
type Unsettled = { readonly slices: readonly Map<string, number>[]; size: number; end: number };

export function createKeyIndex(
  database: DatabaseSync,
  rows: NamedRows,
  { unsettledMax = UNSETTLED_MAX }: KeyIndexOptions = {},
): KeyIndex {
  const statements = prepareAll(database, rows);
  let unsettled: Unsettled | null = null;
  let absent = NONE_ABSENT;
  let nextSlice = Math.floor(Math.random() * SLICES);

  /** Other processes append and settle as well: what they settled leaves memory when it is much. */
  function present(): Unsettled {
    const [last] = statements.last.get() as unknown as [number | null];
    const end = last ?? 0;
    if (unsettled === null || end < unsettled.end || end > unsettled.end + unsettledMax) {
      absent = NONE_ABSENT;
      unsettled = loadUnsettled(statements);
    } else if (end > unsettled.end) {
      note(unsettled, statements.after.all(unsettled.end));
      if (unsettled.size > 2 * unsettledMax) unsettled = loadUnsettled(statements);
    }
    unsettled.end = end;
    return unsettled;
  }

  /** The names among these that the tree has, or may have: not those just looked for in vain. */
  function inTree(names: readonly string[], end: number): readonly NamedPlace[] {
    const asked = absent.end === end ? names.filter((name) => !absent.names.has(name)) : names;
    if (asked.length === 0) return [];
    return statements.byKeys.all(JSON.stringify(asked.map(keyOf))) as unknown as NamedPlace[];
  }

  return {
    find: (names) => {
      const { slices, end } = present();
      const found = new Map<string, number>();
      const others = new Set<string>();
      for (const name of names) {
        const place = slices[sliceOf(keyOf(name))]?.get(name);
        if (place === undefined) others.add(name);
        else found.set(name, place);
      }
      for (const [place, name] of inTree([...others], end)) {
        if (others.delete(name)) found.set(name, place);
      }
      absent = { end, names: others };
      return found;
    },
    settle: () => {
      const known = present();
      while (known.size > unsettledMax) {
        settleSlice(statements, known, nextSlice);
        nextSlice = (nextSlice + 1) % SLICES;
      }
    },
    forget: () => {
      unsettled = null;
    },
  };
}

type Statements = ReturnType<typeof prepareAll>;

function loadUnsettled({ allSettled, after }: Statements): Unsettled {
  const settled = Array<number>(SLICES).fill(0);
  for (const row of allSettled.all()) {
    const [slice, place] = row as unknown as [number, number];
    settled[slice] = place;
  }
  const loaded = { slices: settled.map(() => new Map<string, number>()), size: 0, end: 0 };
  note(loaded, after.all(Math.min(...settled)), settled);
  return loaded;
}

/** Remembers rows whose names are not in the tree. */
function note(unsettled: Unsettled, rows: readonly unknown[], settled?: readonly number[]): void {
  for (const [place, name] of rows as readonly NamedPlace[]) {
    const slice = sliceOf(keyOf(name));
    const names = unsettled.slices[slice] as Map<string, number>;
    if (settled !== undefined && place <= (settled[slice] ?? 0)) continue;
    unsettled.size -= names.size;
    unsettled.size += names.set(name, place).size;
  }
}

/** Of the names in memory another process may have entered some. */
function settleSlice(
  { settledOf, enter, settle }: Statements,
  unsettled: Unsettled,
  slice: number,
): void {
  const names = unsettled.slices[slice] as Map<string, number>;
  const [settled] = (settledOf.get(slice) as unknown as [number] | undefined) ?? [0];
  const entries = [...names]
    .filter(([, place]) => place > settled)
    .map(([name, place]) => [keyOf(name), place] as const)
    .sort(([a], [b]) => a - b);
  enter.run(JSON.stringify(entries));
  settle.run(slice, unsettled.end);
  unsettled.size -= names.size;
  names.clear();
}
