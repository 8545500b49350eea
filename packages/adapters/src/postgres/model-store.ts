import { randomUUID } from "node:crypto";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type {
  Changes,
  Checkpoint,
  ModelStore,
  Row,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import type { Client } from "pg";
import { type ErrorMapping, MODEL } from "../sql/engine-errors.ts";
import {
  CHECKPOINT_COLUMNS,
  checkpointOf,
  findKey,
  putClause,
  quotedList,
  valueIn,
} from "../sql/tables.ts";
import {
  ALWAYS_BY_INDEX,
  type Cells,
  createReconnectingClient,
  queryCells,
  type ReconnectingClient,
  type Statement,
} from "./client.ts";
import {
  arrayType,
  catalogueOf,
  createTableRows,
  isUnused,
  PAGES_BY_INDEX,
  type Place,
  POSTGRES,
  prepared,
  tableName,
} from "./model-tables.ts";
import { DIVISION_BY_ZERO, type Server, stateOf, UNIQUE_VIOLATED } from "./server.ts";
import { type AbsentKeys, createAbsentKeys } from "./speed-absent-keys.ts";

type StoreOptions = Readonly<{
  /** Called before a search is sent to the server. */
  beforeSearch?: (table: Table) => Promise<void>;
  /** With which errors it reports those of the server. */
  mapping?: ErrorMapping;
}>;

/** Limits how long an unresponsive server blocks a caller. */
const TIMEOUT_MS = 30_000;
/** A bulk commit writes tens of thousands of rows, possibly to a busy disk. */
const BULK_TIMEOUT_MS = 120_000;
const BULK_ROWS_MIN = 500;

/**
 * A commit need not wait for the disk: a crash of the server may lose the last commits of a model, each
 * as a whole, and they are projected again. The stream is never written over this connection.
 */
const LOSES_LAST_COMMITS = { synchronous_commit: "off" };

/** Opens one generation for writing over one connection. */
export async function openModelStore(
  server: Server,
  place: Place,
  { beforeSearch, mapping = MODEL }: StoreOptions = {},
): Promise<ModelStore> {
  const { model, generation } = place;
  const rows = createTableRows(place);
  // Otherwise a table of a few pages would be scanned for each of its rows.
  const settings = { ...LOSES_LAST_COMMITS, ...ALWAYS_BY_INDEX, ...PAGES_BY_INDEX };
  const client = { access: "write", timeoutMs: TIMEOUT_MS, isPipelined: true, settings } as const;
  const { use, close } = createReconnectingClient({ server, mapping, client });
  const known: Known = { fence: "", absent: null, stagedOn: null };
  const session = { place, use, statements: storeStatements(place), known };
  try {
    await readCheckpoint(session);
  } catch (error) {
    close();
    throw error;
  }
  return {
    model,
    generation,
    get: async (table, key) =>
      known.absent?.isAbsent(table, key) ? null : use((client) => rows.get(client, table, key)),
    select: async (table, selection) => {
      if (known.absent?.isNothing(table, selection)) return [];
      await beforeSearch?.(table);
      return use((client) => rows.select(client, table, selection));
    },
    count: (table, where, most) => use((client) => rows.count(client, table, where, most)),
    checkpoint: () => readCheckpoint(session),
    stage: (changes) => write(session, changes, null),
    commit: ({ checkpoint, ...changes }) => write(session, changes, checkpoint),
    close: async () => close(),
  };
}

type Known = {
  /** The fence of the last write that this store knows. */
  fence: string;
  absent: AbsentKeys | null;
  /** The connection whose transaction has what is staged. */
  stagedOn: Client | null;
};

type Session = Readonly<{
  place: Place;
  use: ReconnectingClient["use"];
  statements: StoreStatements;
  known: Known;
}>;

/** Reads the checkpoint that the caller's next write must follow, and discards what is staged. */
async function readCheckpoint({ place, use, statements, known }: Session): Promise<Checkpoint> {
  const [found, ...cells] = await use(async (client) => {
    const isStaged = known.stagedOn === client;
    known.stagedOn = null;
    if (isStaged) await client.query("ROLLBACK");
    return checkpointCells(client, statements, place);
  });
  const fence = String(found);
  // After a commit of another writer, the keys that this store recorded are not complete.
  if (fence !== known.fence) known.absent = isUnused(fence) ? createAbsentKeys() : null;
  known.fence = fence;
  return checkpointOf(cells);
}

/** @param checkpoint of a commit; null for a part of the next one, which is staged */
async function write(
  { place, use, statements, known }: Session,
  changes: Changes,
  checkpoint: Checkpoint | null,
): Promise<void> {
  const writes = changeWrites(changes, place);
  const to = randomUUID();
  const move = moveWrite(statements, place, { from: known.fence, to }, checkpoint);
  known.absent?.add(changes);
  const timeoutMs = isBulk(changes) ? BULK_TIMEOUT_MS : TIMEOUT_MS;
  await use(async (client) => {
    const { stagedOn } = known;
    known.stagedOn = null;
    if (stagedOn !== null && stagedOn !== client) throw new ModelUnavailable(STAGED_LOST);
    const begin = stagedOn === null ? "BEGIN" : null;
    const sent = { begin, writes: [move, ...writes], end: checkpoint === null ? null : "COMMIT" };
    await send(client, sent, timeoutMs).catch(explain(place));
    if (checkpoint === null) known.stagedOn = client;
  });
  known.fence = to;
}

const STAGED_LOST =
  "the connection was lost on which a part of the next commit was staged: nothing was committed; open it again";

type StoreStatements = Readonly<Record<"checkpoint" | "moveFence" | "moveCheckpoint", Statement>>;

function storeStatements({ ledger }: Place): StoreStatements {
  const catalogue = catalogueOf(ledger);
  const ofGeneration = "WHERE model = $1 AND generation = $2";
  return {
    checkpoint: {
      name: "checkpoint",
      text: `SELECT fence, ${CHECKPOINT_COLUMNS} FROM ${catalogue} ${ofGeneration}`,
    },
    moveFence: { name: "move_fence", text: moveText("fence = $4") },
    moveCheckpoint: {
      name: "move_checkpoint",
      text: moveText("fence = $4, position = $5, hash = $6, digest = $7, state_digest = $8"),
    },
  };

  /**
   * Dividing by the number of moved rows fails the whole transaction if another writer has moved the
   * checkpoint, without another round trip. It is the first statement, so that its row lock makes a
   * second writer wait until the first has committed or rolled back.
   */
  function moveText(set: string): string {
    return `
      WITH moved AS (
        UPDATE ${catalogue} SET ${set} ${ofGeneration} AND fence = $3 RETURNING 1
      )
      SELECT 1 / count(*) FROM moved`;
  }
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

/** Statements of one transaction, or a part of it. */
type Sent = Readonly<{ begin: string | null; writes: readonly Write[]; end: string | null }>;

/**
 * Sends all statements in one round trip, without waiting for answers. A rebuild is no slower than with
 * COPY, which waits for an answer between tables (1.1 times as fast, nine rounds).
 */
async function send(
  client: Client,
  { begin, writes, end }: Sent,
  timeoutMs: number,
): Promise<void> {
  const sent = [
    ...(begin === null ? [] : [client.query(begin)]),
    ...writes.map(({ statement, values }) => queryCells(client, statement, values, timeoutMs)),
    ...(end === null ? [] : [client.query(end)]),
  ];
  const results = await Promise.allSettled(sent);
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return;
  // A commit of a failed transaction rolls it back.
  if (end === null) await client.query("ROLLBACK").catch(() => undefined);
  throw failed.reason;
}

/** Rethrows an error of the server as one about the model; any other unchanged. */
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

/** A statement with its values; many rows are passed as one array for each column. */
type Write = Readonly<{ statement: Statement; values: readonly unknown[] }>;

/** Moves the checkpoint, or its fence only, from the fence that this store knows; otherwise the write fails. */
function moveWrite(
  { moveCheckpoint, moveFence }: StoreStatements,
  { model, generation }: Place,
  fence: Readonly<{ from: string; to: string }>,
  checkpoint: Checkpoint | null,
): Write {
  const moved = [model, generation, fence.from, fence.to];
  if (checkpoint === null) return { statement: moveFence, values: moved };
  const { position, hash, digest, state_digest } = checkpoint;
  return { statement: moveCheckpoint, values: [...moved, position, hash, digest, state_digest] };
}

/** Maximum rows of a statement: the server keeps the arrays of more rows on disk. */
const WRITE_ROWS_MAX = 2_000;

function isBulk({ inserts, puts }: Changes): boolean {
  return [...inserts, ...puts].some(({ rows }) => rows.length >= BULK_ROWS_MIN);
}

/** Encodes all changes before anything is sent, so that an invalid row fails before that. */
function changeWrites(changes: Changes, place: Place): readonly Write[] {
  const writes: Write[] = [];
  for (const { table, rows } of changes.inserts) {
    writes.push(...rowWrites(table, rows, insertText(table, place)));
  }
  for (const { table, rows } of changes.puts) {
    const text = `${insertText(table, place)} ${putClause(table)}`;
    writes.push(...rowWrites(table, lastOfEachKey(table, rows), text));
  }
  for (const { table, keys } of changes.deletes) {
    if (keys.length > 0) writes.push(deleteWrite(table, keys, place));
  }
  return writes;
}

function rowWrites(table: Table, rows: readonly Row[], text: string): readonly Write[] {
  const names = Object.keys(table.columns);
  const statement = prepared(text);
  const writes: Write[] = [];
  for (let at = 0; at < rows.length; at += WRITE_ROWS_MAX) {
    const batch = rows.slice(at, at + WRITE_ROWS_MAX);
    const values = names.map((name) => batch.map((row) => valueIn(table, row, name)));
    writes.push({ statement, values });
  }
  return writes;
}

/**
 * Finds each row by its key before it deletes them by their place. A join of the keys with the table may
 * walk through all its rows, or through all that begin like a key.
 */
function deleteWrite(table: Table, keys: readonly (readonly Value[])[], place: Place): Write {
  const values = table.key.map((_, at) => keys.map((key) => key[at] ?? null));
  const columns = table.key.map((_, at) => `k${at + 1}`).join(", ");
  const arrays = arrayParameters(table, table.key);
  const name = tableName(place, table);
  const isOne = findKey(POSTGRES, table, (nth) => `gone.k${nth}`);
  const found = `SELECT (SELECT ctid FROM ${name} WHERE ${isOne}) FROM unnest(${arrays}) AS gone (${columns})`;
  return { statement: prepared(`DELETE FROM ${name} WHERE ctid = ANY(ARRAY(${found}))`), values };
}

function insertText(table: Table, place: Place): string {
  const names = Object.keys(table.columns);
  return `INSERT INTO ${tableName(place, table)} (${quotedList(names)}) SELECT * FROM unnest(${arrayParameters(table, names)}) AS t`;
}

function arrayParameters(table: Table, names: readonly string[]): string {
  return names
    .map((name, at) => `$${at + 1}::${arrayType(table.columns[name]?.type ?? "text")}`)
    .join(", ");
}

/** Keeps the last row of each key, because one statement must not update a row twice. */
function lastOfEachKey(table: Table, rows: readonly Row[]): readonly Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) last.set(JSON.stringify(table.key.map((name) => String(row[name]))), row);
  return last.size === rows.length ? rows : [...last.values()];
}
