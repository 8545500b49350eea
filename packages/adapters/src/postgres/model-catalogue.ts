import { GenerationMissing, ModelCorrupted } from "@counterfoil/processing/ports/errors";
import type {
  GenerationInfo,
  ModelCatalogue,
  ModelLayout,
  ModelStore,
  StoreName,
} from "@counterfoil/processing/ports/model-store";
import type { ClientBase } from "pg";
import { MODEL } from "../sql/engine-errors.ts";
import { CHECKPOINT_COLUMNS, checkpointOf, GENERATION_FORMAT, NO_ROWS } from "../sql/tables.ts";
import { builderLock, openBuildingStore } from "./building-store.ts";
import {
  createPool,
  createReconnectingClient,
  type Pool,
  queryCells,
  type ReconnectingClient,
} from "./client.ts";
import {
  createSchema,
  explained,
  inTransaction,
  layOut,
  lockSchema,
  readLayout,
} from "./layout.ts";
import { openModelStore } from "./model-store.ts";
import {
  catalogueOf,
  layOutTableSql,
  MODELS_LAYOUT,
  openModelReader,
  PAGES_BY_INDEX,
  type Place,
  tableName,
  unusedFence,
} from "./model-tables.ts";
import { type LedgerOnServer, ledgerSchema, modelSchema, type Server, serverOf } from "./server.ts";

/** Snapshots open at once, each on its own connection; further ones wait. */
const SNAPSHOTS_MAX = 8;
/** Separate connections, so that a caller with an open snapshot can still read the catalogue. */
const CATALOGUE_READS_MAX = 2;
const TIMEOUT_MS = 30_000;

/**
 * Opens the catalogue of all generations of a ledger's models. Each model has a schema; each generation
 * has a set of tables and a row in the catalogue. Connects on first use; only `create` and `openScratch`
 * create tables.
 *
 * @throws ConfigurationInvalid if the URL is invalid
 */
export function openModelCatalogue({ url, ledger }: LedgerOnServer): ModelCatalogue {
  const server = serverOf(url);
  const client = { timeoutMs: TIMEOUT_MS, isPipelined: true };
  const reading = { ...client, access: "read", settings: PAGES_BY_INDEX } as const;
  const snapshots = createPool({ server, mapping: MODEL, sizeMax: SNAPSHOTS_MAX, client: reading });
  const catalogueReads = createPool({
    server,
    mapping: MODEL,
    sizeMax: CATALOGUE_READS_MAX,
    client: reading,
  });
  const writing = { client: { ...client, access: "write" }, isExclusive: true } as const;
  const writer = createReconnectingClient({ server, mapping: MODEL, ...writing });
  const isLaidOut = once(() => hasCatalogue(catalogueReads, ledger));

  const generationsOf = async (model: StoreName) =>
    (await isLaidOut()) ? await readGenerations(catalogueReads, ledger, model) : [];

  async function check(place: Place): Promise<Place> {
    checkIsWhole(await generationsOf(place.model), place, server.name);
    return place;
  }

  return {
    generations: async (model) => {
      const found = await generationsOf(model);
      return found.filter(({ lacking }) => lacking === null).map(({ info }) => info);
    },
    create: (model, { tables, modelVersion, generation }) =>
      writer.use(async (connection) => {
        await layOut(connection, ledger, MODELS_LAYOUT);
        const wanted = { ledger, model, generation: generation ?? "next" } as const;
        await dropAbandoned(connection, wanted);
        return createGeneration(connection, wanted, { tables, modelVersion });
      }),
    openForWriting: async (model, generation) => {
      const place = await check({ ledger, model, generation });
      await writer.use((connection) => dropAbandoned(connection, place));
      return openModelStore(server, place);
    },
    openForBuilding: async (model, generation, tables) =>
      openBuildingStore(server, await check({ ledger, model, generation }), tables),
    openForReading: async (model, generation) =>
      openModelReader(server, snapshots, await check({ ledger, model, generation })),
    openScratch: (model, layout) => openScratch({ server, writer, ledger, model }, layout),
    drop: async (model, generation) => {
      if (!(await isLaidOut())) return;
      await writer.use((connection) => dropGeneration(connection, { ledger, model, generation }));
    },
    close: async () => {
      writer.close();
      await Promise.all([snapshots.close(), catalogueReads.close()]);
    },
  };
}

/** @throws GenerationMissing, ModelCorrupted if a generation cannot be opened */
function checkIsWhole(
  found: readonly Catalogued[],
  { model, generation }: Place,
  server: string,
): void {
  const { lacking } = found.find(({ info }) => info.generation === generation) ?? {};
  if (lacking === null) return;
  if (lacking !== undefined) {
    throw new ModelCorrupted(
      `generation ${generation} of model ${model} in ${server} lacks its table ${lacking}: rebuild the model`,
    );
  }
  throw new GenerationMissing(
    `no generation ${generation} of model ${model} in ${server}: rebuild the model, or open a generation that is there`,
  );
}

type ScratchOf = Readonly<{
  server: Server;
  writer: ReconnectingClient;
  ledger: string;
  model: StoreName;
}>;

/** Opens a store that is dropped when it is closed. */
async function openScratch(
  { server, writer, ledger, model }: ScratchOf,
  layout: ModelLayout,
): Promise<ModelStore> {
  const place = await writer.use(async (connection) => {
    await layOut(connection, ledger, MODELS_LAYOUT);
    const wanted = { ledger, model, generation: "scratch" } as const;
    await dropAbandoned(connection, wanted);
    const generation = await createGeneration(connection, wanted, layout);
    return { ledger, model, generation: generation ?? 0 };
  });
  const drop = () => writer.use((connection) => dropGeneration(connection, place));
  try {
    const store = await openBuildingStore(server, place, layout.tables);
    const close = () => store.close().then(drop);
    return { ...store, close };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** Repeats a check until it is true, and remembers that. */
function once(check: () => Promise<boolean>): () => Promise<boolean> {
  let isTrue = false;
  return async () => {
    isTrue ||= await check();
    return isTrue;
  };
}

async function hasCatalogue(pool: Pool, ledger: string): Promise<boolean> {
  return (await pool.use((client) => readLayout(client, ledger, MODELS_LAYOUT))) === "complete";
}

/** A generation of a newer format keeps its number, but is not one that this program can use. */
async function readGenerations(
  pool: Pool,
  ledger: string,
  model: StoreName,
): Promise<readonly Catalogued[]> {
  const lacking = "(SELECT min(name) FROM unnest(tables) AS name WHERE to_regclass(name) IS NULL)";
  const text = `SELECT generation, ${lacking}, model_version, ${CHECKPOINT_COLUMNS} FROM ${catalogueOf(ledger)} WHERE model = $1 AND format <= $2 AND NOT building ORDER BY generation`;
  const rows = await pool.use((client) => queryCells(client, { text }, [model, GENERATION_FORMAT]));
  return rows.map(([generation, lacking = null, modelVersion, ...checkpoint]) => ({
    lacking,
    info: {
      generation: Number(generation),
      modelVersion: Number(modelVersion),
      checkpoint: checkpointOf(checkpoint),
    },
  }));
}

/** A generation in the catalogue, and one of its tables that is missing, if any. */
type Catalogued = Readonly<{ info: GenerationInfo; lacking: string | null }>;

type Wanted = Readonly<{
  ledger: string;
  model: StoreName;
  /** Scratch stores have negative numbers. */
  generation: number | "next" | "scratch";
}>;

/**
 * Creates a generation in one transaction, one at a time in a ledger.
 *
 * @returns its number; null if the number is taken
 */
async function createGeneration(
  client: ClientBase,
  { ledger, model, generation }: Wanted,
  content: ModelLayout,
): Promise<number | null> {
  const schema = modelSchema(ledger, model);
  try {
    return await inTransaction(client, async () => {
      await lockSchema(client, ledgerSchema(ledger));
      const [next, scratch] = await freeNumbers(client, ledger, model);
      const number = typeof generation === "number" ? generation : { next, scratch }[generation];
      const place = { ledger, model, generation: number };
      if (!(await claim(client, place, content))) return null;
      await createSchema(client, schema);
      for (const table of content.tables) await client.query(layOutTableSql(place, table));
      return number;
    });
  } catch (error) {
    throw explained(error, client, schema);
  }
}

/** Returns the next number for a generation and the next, negative one for a scratch store. */
async function freeNumbers(
  client: ClientBase,
  ledger: string,
  model: StoreName,
): Promise<readonly [number, number]> {
  const text = `SELECT greatest(max(generation), 0) + 1, least(min(generation), 0) - 1 FROM ${catalogueOf(ledger)} WHERE model = $1`;
  const [cells] = await queryCells(client, { text }, [model]);
  return [Number(cells?.[0]), Number(cells?.[1])];
}

async function claim(client: ClientBase, place: Place, content: ModelLayout): Promise<boolean> {
  const { ledger, model, generation } = place;
  const names = content.tables.map((table) => tableName(place, table));
  const text = `
    INSERT INTO ${catalogueOf(ledger)}
      (model, generation, format, model_version, tables, ${CHECKPOINT_COLUMNS}, fence, building)
    VALUES ($1, $2, $3, $4, $5::text[], 0, '', $6, $6, $7, $2 < 0)
    ON CONFLICT DO NOTHING RETURNING generation`;
  const { modelVersion } = content;
  const values = [
    model,
    generation,
    GENERATION_FORMAT,
    modelVersion,
    names,
    NO_ROWS,
    unusedFence(),
  ];
  return (await queryCells(client, { text }, values)).length === 1;
}

/** A new generation is visible before its builder holds the lock, so a young one is not abandoned. */
const BUILDER_GRACE = "1 minute";

/**
 * Drops generations and scratch stores whose builder died. Unless the next number is wanted, only
 * scratch stores are dropped: the builder of a generation may have lost its connection without having
 * noticed yet.
 */
async function dropAbandoned(
  client: ClientBase,
  { ledger, model, generation }: Wanted,
): Promise<void> {
  const numbers = generation === "next" ? "" : "AND generation < 0";
  const text = `SELECT generation FROM ${catalogueOf(ledger)} WHERE model = $1 AND building ${numbers} AND created_at < now() - interval '${BUILDER_GRACE}'`;
  for (const [number] of await queryCells(client, { text }, [model])) {
    const place = { ledger, model, generation: Number(number) };
    const tryLock = { text: "SELECT pg_try_advisory_xact_lock($1)" };
    await inTransaction(client, async () => {
      const [cells] = await queryCells(client, tryLock, [builderLock(place)]);
      if (cells?.[0] === "t") await removeGeneration(client, place);
    });
  }
}

function dropGeneration(client: ClientBase, place: Place): Promise<void> {
  return inTransaction(client, () => removeGeneration(client, place));
}

async function removeGeneration(client: ClientBase, place: Place): Promise<void> {
  const { ledger, model, generation } = place;
  const text = `DELETE FROM ${catalogueOf(ledger)} WHERE model = $1 AND generation = $2 RETURNING array_to_string(tables, ', ')`;
  await lockSchema(client, ledgerSchema(ledger));
  const [cells] = await queryCells(client, { text }, [model, generation]);
  if (cells?.[0]) await client.query(`DROP TABLE IF EXISTS ${cells[0]}`);
}
