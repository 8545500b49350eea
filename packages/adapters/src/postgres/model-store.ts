import { randomUUID } from "node:crypto";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { Checkpoint, Commit, ModelStore } from "@counterfoil/processing/ports/model-store";
import type { Table } from "@counterfoil/processing/ports/table";
import type { Client } from "pg";
import { type AbsentKeys, createAbsentKeys } from "./absent-keys.ts";
import { type Cells, queryCells, type Statement } from "./client.ts";
import { copyInto } from "./copy-rows.ts";
import { DIVISION_BY_ZERO, MODEL, stateOf, UNIQUE_VIOLATED } from "./engine-error.ts";
import { inTransaction } from "./layout.ts";
import {
  CHECKPOINT_COLUMNS,
  catalogueOf,
  checkpointOf,
  isUnused,
  type Place,
} from "./model-layout.ts";
import { createTableRows } from "./model-rows.ts";
import { type CommitWrites, commitWrites, isBulk } from "./model-write.ts";
import { createReconnectingClient, type ReconnectingClient } from "./reconnecting-client.ts";
import type { Server } from "./server.ts";

export type StoreOptions = Readonly<{
  /** Runs before a search that the server must answer. */
  beforeSearch?: (table: Table) => Promise<void>;
}>;

/** A server that has fallen silent holds nobody for longer. */
const SMALL_TIMEOUT_MS = 30_000;
/** A bulk commit writes tens of thousands of rows, on a disk that may be busy. */
const BULK_TIMEOUT_MS = 120_000;

/**
 * One generation, open for writing. Small commits go over a pipelined connection, in one round trip;
 * those of a rebuild over another one, which can COPY.
 */
export async function openModelStore(
  server: Server,
  place: Place,
  { beforeSearch }: StoreOptions = {},
): Promise<ModelStore> {
  const session = openSession(server, place);
  const { small, known } = session;
  const rows = createTableRows(place);
  const { model, generation } = place;

  /** Who asks where it stands builds on the answer: from now on its commits follow that one. */
  async function checkpoint(): Promise<Checkpoint> {
    const { statements } = session;
    const [fence, ...cells] = await small.use((client) =>
      checkpointCells(client, statements, place),
    );
    // Rows of another writer would be missed by what is known of this one's.
    if (fence !== known.fence) known.absent = isUnused(String(fence)) ? createAbsentKeys() : null;
    known.fence = String(fence);
    return checkpointOf(cells);
  }

  try {
    await checkpoint();
  } catch (error) {
    session.close();
    throw error;
  }
  return {
    model,
    generation,
    get: async (table, key) =>
      known.absent?.isAbsent(table, key)
        ? null
        : small.use((client) => rows.get(client, table, key)),
    select: async (table, selection) => {
      if (known.absent?.isNothing(table, selection)) return [];
      await beforeSearch?.(table);
      return small.use((client) => rows.select(client, table, selection));
    },
    count: (table) => small.use((client) => rows.count(client, table)),
    checkpoint,
    commit: (commit) => write(session, place, commit),
    close: async () => session.close(),
  };
}

type Session = Readonly<{
  small: ReconnectingClient;
  bulk: ReconnectingClient;
  statements: StoreStatements;
  known: {
    /** The mark of the last commit that this store knows of. */
    fence: string;
    absent: AbsentKeys | null;
  };
  close: () => void;
}>;

function openSession(server: Server, place: Place): Session {
  const connect = (isPipelined: boolean, timeoutMs: number) => {
    const client = {
      access: "write",
      timeoutMs,
      isPipelined,
      settings: LOSES_LAST_COMMITS,
    } as const;
    return createReconnectingClient({ server, use: MODEL, client });
  };
  const [small, bulk] = [connect(true, SMALL_TIMEOUT_MS), connect(false, BULK_TIMEOUT_MS)];
  return {
    small,
    bulk,
    statements: storeStatements(place),
    known: { fence: "", absent: null },
    close: () => {
      small.close();
      bulk.close();
    },
  };
}

async function write(session: Session, place: Place, commit: Commit): Promise<void> {
  const { small, bulk, statements, known } = session;
  const { model, generation } = place;
  const isLarge = isBulk(commit);
  const writes = commitWrites(commit, place, isLarge);
  const { position, hash, digest, state_digest } = commit.checkpoint;
  const fence = randomUUID();
  const moves = [model, generation, known.fence, fence, position, hash, digest, state_digest];
  const move = (client: Client) => queryCells(client, statements.moveCheckpoint, moves);
  const [connection, send] = isLarge ? [bulk, sendBulk] : [small, sendSmall];
  known.absent?.add(commit);
  await connection.use((client) => send(client, writes, move).catch(explain(place)));
  known.fence = fence;
}

/**
 * A crash of the server may lose the last commits of a model, each whole, and they are projected again:
 * a commit need not wait for the disk. Nothing of the stream is ever written over this connection.
 */
const LOSES_LAST_COMMITS = { synchronous_commit: "off" };

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

type Move = (client: Client) => Promise<unknown>;

/** One round trip: all statements are sent before the first answer comes. */
async function sendSmall(client: Client, { writes }: CommitWrites, move: Move): Promise<void> {
  const sent = [
    client.query("BEGIN"),
    move(client),
    ...writes.map(({ statement, values }) => queryCells(client, statement, values)),
    client.query("COMMIT"),
  ];
  const results = await Promise.allSettled(sent);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function sendBulk(client: Client, commit: CommitWrites, move: Move): Promise<void> {
  await inTransaction(client, async () => {
    await move(client);
    for (const { target, rows } of commit.copies) await copyInto(client, target, rows);
    for (const { statement, values } of commit.writes) await queryCells(client, statement, values);
  });
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
