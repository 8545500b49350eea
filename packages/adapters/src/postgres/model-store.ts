import { randomUUID } from "node:crypto";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { Checkpoint, Commit, ModelStore } from "@counterfoil/processing/ports/model-store";
import type { Row, Table, Value } from "@counterfoil/processing/ports/table";
import type { Client } from "pg";
import { CHECKPOINT_COLUMNS, checkpointOf } from "../sql/generation.ts";
import { putClause, quoted, quotedList, valueIn } from "../sql/tables.ts";
import { MODEL } from "../sql/trouble.ts";
import { type AbsentKeys, createAbsentKeys } from "./absent-keys.ts";
import { type Cells, createReconnectingClient, queryCells, type Statement } from "./client.ts";
import { DIVISION_BY_ZERO, stateOf, UNIQUE_VIOLATED } from "./engine-error.ts";
import { arrayType, catalogueOf, isUnused, type Place, tableName } from "./model-layout.ts";
import { createTableRows, prepared } from "./model-reader.ts";
import type { Server } from "./server.ts";

export type StoreOptions = Readonly<{
  /** Runs before a search that the server must answer. */
  beforeSearch?: (table: Table) => Promise<void>;
}>;

/** A server that has fallen silent holds nobody for longer. */
const TIMEOUT_MS = 30_000;
/** A bulk commit writes tens of thousands of rows, on a disk that may be busy. */
const BULK_TIMEOUT_MS = 120_000;
const BULK_ROWS_MIN = 500;

/**
 * A crash of the server may lose the last commits of a model, each whole, and they are projected
 * again: a commit need not wait for the disk. Nothing of the stream is ever written over this
 * connection.
 */
const LOSES_LAST_COMMITS = { synchronous_commit: "off" };

/** One generation, open for writing over one connection. */
export async function openModelStore(
  server: Server,
  place: Place,
  { beforeSearch }: StoreOptions = {},
): Promise<ModelStore> {
  const { model, generation } = place;
  const statements = storeStatements(place);
  const rows = createTableRows(place);
  const settings = LOSES_LAST_COMMITS;
  const client = { access: "write", timeoutMs: TIMEOUT_MS, isPipelined: true, settings } as const;
  const { use, close } = createReconnectingClient({ server, stored: MODEL, client });
  /** The mark of the last commit that this store knows of. */
  let fence = "";
  let absent: AbsentKeys | null = null;

  /** Who asks where it stands builds on the answer: from now on its commits follow that one. */
  async function checkpoint(): Promise<Checkpoint> {
    const [found, ...cells] = await use((client) => checkpointCells(client, statements, place));
    // Rows of another writer would be missed by what is known of this one's.
    if (found !== fence) absent = isUnused(String(found)) ? createAbsentKeys() : null;
    fence = String(found);
    return checkpointOf(cells);
  }

  async function commit(commit: Commit): Promise<void> {
    const writes = commitWrites(commit, place);
    const next = randomUUID();
    const move = moveWrite(statements, place, { from: fence, to: next }, commit.checkpoint);
    absent?.add(commit);
    const timeoutMs = isBulk(commit) ? BULK_TIMEOUT_MS : TIMEOUT_MS;
    await use((client) => send(client, [move, ...writes], timeoutMs).catch(explain(place)));
    fence = next;
  }

  try {
    await checkpoint();
  } catch (error) {
    close();
    throw error;
  }
  return {
    model,
    generation,
    get: async (table, key) =>
      absent?.isAbsent(table, key) ? null : use((client) => rows.get(client, table, key)),
    select: async (table, selection) => {
      if (absent?.isNothing(table, selection)) return [];
      await beforeSearch?.(table);
      return use((client) => rows.select(client, table, selection));
    },
    count: (table) => use((client) => rows.count(client, table)),
    checkpoint,
    commit,
    close: async () => close(),
  };
}

type StoreStatements = Readonly<Record<"checkpoint" | "moveCheckpoint", Statement>>;

function storeStatements({ ledger }: Place): StoreStatements {
  const catalogue = catalogueOf(ledger);
  const ofGeneration = "WHERE model = $1 AND generation = $2";
  return {
    checkpoint: {
      name: "checkpoint",
      text: `SELECT fence, ${CHECKPOINT_COLUMNS} FROM ${catalogue} ${ofGeneration}`,
    },
    // Dividing by the rows moved makes the whole transaction fail where another writer has moved the
    // checkpoint, without a question in between. First of all statements: its row lock keeps a
    // second writer waiting until it is certain which of the two was faster.
    moveCheckpoint: {
      name: "move_checkpoint",
      text: `
        WITH moved AS (
          UPDATE ${catalogue}
          SET fence = $4, position = $5, hash = $6, digest = $7, state_digest = $8
          ${ofGeneration} AND fence = $3 RETURNING 1
        )
        SELECT 1 / count(*) FROM moved`,
    },
  };
}

async function checkpointCells(
  client: Client,
  { checkpoint }: StoreStatements,
  { model, generation }: Place,
): Promise<Cells> {
  const [cells] = await queryCells(client, checkpoint, [model, generation]);
  if (cells !== undefined) return cells;
  throw new ModelUnavailable(
    `generation ${generation} of model ${model} was dropped: open another`,
  );
}

/**
 * One round trip: all statements are sent before the first answer comes. Against COPY, which waits
 * for an answer between tables, that makes a rebuild no slower (1.1 times as fast, nine rounds).
 */
async function send(client: Client, writes: readonly Write[], timeoutMs: number): Promise<void> {
  const sent = [
    client.query("BEGIN"),
    ...writes.map(({ statement, values }) => queryCells(client, statement, values, timeoutMs)),
    client.query("COMMIT"),
  ];
  const results = await Promise.allSettled(sent);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** What the server refused, in words of the model; any other error as it is. */
function explain({ model, generation }: Place): (error: unknown) => never {
  const who = `generation ${generation} of model ${model}`;
  return (error) => {
    const state = stateOf(error);
    if (state === DIVISION_BY_ZERO) {
      throw new ModelUnavailable(
        `another process has written to ${who} since this one last read its checkpoint: nothing was committed; open it again`,
        { cause: error },
      );
    }
    if (state === UNIQUE_VIOLATED) {
      const { detail } = error as { detail?: string };
      throw new Error(`a row to insert into ${who} is there already: ${detail}`, { cause: error });
    }
    throw error;
  };
}

/** A statement with its values; those of many rows are one array a column. */
type Write = Readonly<{ statement: Statement; values: readonly unknown[] }>;

/** Moves the checkpoint where it has the fence that this store knows, else the commit fails. */
function moveWrite(
  { moveCheckpoint }: StoreStatements,
  { model, generation }: Place,
  fence: Readonly<{ from: string; to: string }>,
  { position, hash, digest, state_digest }: Checkpoint,
): Write {
  const values = [model, generation, fence.from, fence.to, position, hash, digest, state_digest];
  return { statement: moveCheckpoint, values };
}

/** Rows of one statement: the server keeps its arrays in memory below this, on disk beyond. */
const WRITE_ROWS_MAX = 2_000;

function isBulk({ inserts, puts }: Commit): boolean {
  return [...inserts, ...puts].some(({ rows }) => rows.length >= BULK_ROWS_MIN);
}

/** What a commit writes, encoded before anything is sent: a row that is broken breaks nothing. */
function commitWrites(commit: Commit, place: Place): readonly Write[] {
  const writes: Write[] = [];
  for (const { table, rows } of commit.inserts) {
    writes.push(...rowWrites(table, rows, insertText(table, place)));
  }
  for (const { table, rows } of commit.puts) {
    const text = `${insertText(table, place)} ${putClause(table)}`;
    writes.push(...rowWrites(table, lastOfEachKey(table, rows), text));
  }
  for (const { table, keys } of commit.deletes) {
    if (keys.length > 0) writes.push(deleteWrite(table, keys, place));
  }
  return writes;
}

function rowWrites(table: Table, rows: readonly Row[], text: string): readonly Write[] {
  const names = Object.keys(table.columns);
  const statement = prepared(text);
  const writes: Write[] = [];
  for (let at = 0; at < rows.length; at += WRITE_ROWS_MAX) {
    const some = rows.slice(at, at + WRITE_ROWS_MAX);
    const values = names.map((name) => some.map((row) => valueIn(table, row, name)));
    writes.push({ statement, values });
  }
  return writes;
}

function deleteWrite(table: Table, keys: readonly (readonly Value[])[], place: Place): Write {
  const values = table.key.map((_, at) => keys.map((key) => key[at] ?? null));
  const isGone = table.key.map((name, at) => `t.${quoted(name)} = gone.k${at}`).join(" AND ");
  const columns = table.key.map((_, at) => `k${at}`).join(", ");
  const arrays = arrayPlaces(table, table.key);
  const text = `DELETE FROM ${tableName(place, table)} AS t USING unnest(${arrays}) AS gone (${columns}) WHERE ${isGone}`;
  return { statement: prepared(text), values };
}

function insertText(table: Table, place: Place): string {
  const names = Object.keys(table.columns);
  return `INSERT INTO ${tableName(place, table)} (${quotedList(names)}) SELECT * FROM unnest(${arrayPlaces(table, names)}) AS t`;
}

function arrayPlaces(table: Table, names: readonly string[]): string {
  return names
    .map((name, at) => `$${at + 1}::${arrayType(table.columns[name]?.type ?? "text")}`)
    .join(", ");
}

/** One statement may put a row only once. */
function lastOfEachKey(table: Table, rows: readonly Row[]): readonly Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) last.set(JSON.stringify(table.key.map((name) => String(row[name]))), row);
  return last.size === rows.length ? rows : [...last.values()];
}
