import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createFeedSessions, type FeedSessions } from "@counterfoil/core/ingest/feed-session";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translations } from "@counterfoil/core/translate/translation";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Delivery, FeedOpening, Ingest, Receipt } from "@counterfoil/processing/ports/ingest";
import type {
  Checkpoint,
  ModelCatalogue,
  ModelStore,
  Row,
  Rows,
  Table,
} from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import {
  openProjectionRun,
  type ProjectionRun,
  runTo,
} from "@counterfoil/processing/projection/run";
import { createManualClock, type ManualClock } from "@counterfoil/processing/testing/manual-clock";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
  type MemoryStreamStorage,
} from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { expect } from "@jest/globals";

export const hashing = nodeHashing;
export const LEDGER = "default";

/** How many times as many runs as by default; a night's soak sets it to 100. */
export const EFFORT = Number(process.env.COUNTERFOIL_TEST_RUNS ?? 1);
export const runs = (count: number): number => Math.max(1, Math.round(count * EFFORT));
/** Time limit of a property with more runs than by default; never below that of other tests. */
export const patience = (seconds: number): number => 1000 * Math.max(600, seconds * EFFORT);

export type Engine = "memory" | "sqlite";
export const ENGINES: readonly Engine[] = ["memory", "sqlite"];

/** What a ledger is stored in, empty at first. */
type TestEngine = Readonly<{
  /** The same stream each time, as another process would open it. */
  openStream: () => Promise<EventStream>;
  catalogue: ModelCatalogue;
  /** Called when streams and catalogue are closed. */
  dispose: () => Promise<void>;
}>;
/** An engine that is brought along, for a ledger named `LEDGER`. */
export type OpenTestEngine = (clock: ManualClock) => Promise<TestEngine>;

export type Projections = Readonly<Record<ModelName, Projection>>;

export type LedgerOptions = Readonly<{
  engine?: Engine | OpenTestEngine;
  /** Draws batch sizes, restarts and who takes what. */
  seed?: number | string;
  translations?: Translations;
  projections?: Projections;
  /** How many ingests race on the stream. */
  ingests?: number;
  /** What clients of the feed remember. */
  feedSessions?: FeedSessions;
  /** Deliveries under way at once, at most. */
  together?: number;
  /** Whether models are folded while deliveries come in, with restarts and failed commits. */
  live?: boolean;
}>;

/** One ledger in this process: stream, ingest and all read models, on a clock that follows the plan. */
export type TestLedger = Readonly<{
  clock: ManualClock;
  /** The engine's own storage, to be tampered with; memory only. */
  storage: MemoryStreamStorage;
  dataDir: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  projections: Projections;
  /** Hands over one delivery, at once. */
  submit: (delivery: Delivery) => Promise<Receipt>;
  feedOpened: (opening: FeedOpening) => Promise<void>;
  snapshotCompleted: (connection: string, frames: number) => Promise<void>;
  feedClosed: (connection: string) => Promise<void>;
  /** Hands over one delivery after the other, as in the list. */
  play: (deliveries: Iterable<PlannedDelivery>) => Promise<void>;
  /** Other translations from now on, as after an upgrade. */
  translateWith: (translations: Translations) => Promise<void>;
  /** Folds every live model to the head. */
  catchUp: () => Promise<void>;
  checkpoints: () => Promise<Readonly<Record<ModelName, Checkpoint>>>;
  states: () => Promise<Readonly<Record<ModelName, string>>>;
  rows: (model: ModelName, table: Table) => Promise<readonly Row[]>;
  /** Reads a live model at one moment. */
  read: <T>(model: ModelName, work: (rows: Rows) => Promise<T>) => Promise<T>;
  events: (types?: readonly string[]) => Promise<readonly RecordedEvent[]>;
  /** Lets go of files and models, so that others may open them. */
  release: () => Promise<void>;
  close: () => Promise<void>;
}>;

const START = 1_746_000_000_000_000_000n;

export async function openTestLedger(options: LedgerOptions = {}): Promise<TestLedger> {
  const { engine = "memory", seed = 1, ingests = 1, together = 12, live = true } = options;
  const projections = options.projections ?? PROJECTIONS;
  const random = createRandom(seed, "ledger");
  const clock = createManualClock(START);
  const storage = createMemoryStreamStorage();
  const dataDir = engine === "sqlite" ? mkdtempSync(join(tmpdir(), "counterfoil-system-")) : "";
  const open = typeof engine === "function" ? engine : embedded({ dataDir, storage });
  const { openStream, catalogue, dispose } = await open(clock);
  const streams: EventStream[] = [];
  for (let count = 0; count < Math.max(1, ingests); count += 1) streams.push(await openStream());
  const stream = streams[0] as EventStream;
  await openLedger(stream, { name: LEDGER, environment: "production" }, hashing);
  const feedSessions = options.feedSessions ?? createFeedSessions();
  let ingesting = ingestsOn(streams, options.translations ?? TRANSLATIONS, clock, feedSessions);
  const models = MODEL_NAMES.map((model) =>
    liveModel({ stream, catalogue, projection: projections[model], random }),
  );

  async function play(deliveries: Iterable<PlannedDelivery>): Promise<void> {
    let group: Promise<unknown>[] = [];
    const flush = async () => {
      await Promise.all(group);
      group = [];
    };
    for (const delivery of deliveries) {
      clock.set(delivery.arrivesAtNs);
      // What comes before the opening of a connection is durable before it, and it before its frames.
      const isOpening = delivery.kind === "feed-opened";
      if (isOpening) await flush();
      group.push(handOver(ingestFor(delivery, ingesting, random), delivery));
      if (!isOpening && random.below(together) > 0) continue;
      await flush();
      if (live && random.chance(0.3)) await random.pick(models).step();
    }
    await Promise.all(group);
  }

  async function read<T>(model: ModelName, work: (rows: Rows) => Promise<T>): Promise<T> {
    const { generation } = await liveGeneration(stream, model);
    const reader = await catalogue.openForReading(model, generation);
    try {
      return await reader.snapshot(work);
    } finally {
      await reader.close();
    }
  }

  async function checkpoints() {
    const found = await Promise.all(models.map((model) => model.checkpoint()));
    return byModel((_, at) => found[at] as Checkpoint);
  }

  const release = async () => {
    for (const model of models) await model.release();
  };

  return {
    clock,
    storage,
    dataDir,
    stream,
    catalogue,
    projections,
    submit: (delivery) => random.pick(ingesting).submit(delivery),
    feedOpened: (opening) => random.pick(ingesting).feedOpened(opening),
    feedClosed: (connection) => {
      const closing = { provider: "zerohash", connection, reason: "disconnected" } as const;
      return random.pick(ingesting).feedClosed({ ...closing, closedAt: clock.now() });
    },
    snapshotCompleted: (connection, frames) =>
      random.pick(ingesting).snapshotCompleted({ provider: "zerohash", connection, frames }),
    play,
    translateWith: async (translations) => {
      for (const ingest of ingesting) await ingest.stop();
      ingesting = ingestsOn(streams, translations, clock, feedSessions);
    },
    catchUp: async () => {
      for (const model of models) await model.catchUp();
    },
    checkpoints,
    states: async () => {
      const found = await checkpoints();
      return byModel((model) => found[model].state_digest);
    },
    read,
    rows: (model, table) => read(model, (found) => allRows(found, table)),
    events: (types) => allEvents(stream, types),
    release,
    close: async () => {
      for (const ingest of ingesting) await ingest.stop();
      await release();
      await catalogue.close();
      for (const opened of streams) await opened.close();
      await dispose();
    },
  };
}

type Embedded = Readonly<{ dataDir: string; storage: MemoryStreamStorage }>;

/** SQLite in a folder, or memory where there is none. */
const embedded =
  ({ dataDir, storage }: Embedded): OpenTestEngine =>
  async (clock) =>
    dataDir === ""
      ? {
          openStream: async () =>
            createMemoryEventStream({ ledger: LEDGER, hashing, clock, storage }),
          catalogue: createMemoryModelCatalogue(),
          dispose: async () => {},
        }
      : {
          openStream: () => openEventStream({ dataDir, ledger: LEDGER, hashing, clock }),
          catalogue: openModelCatalogue({ dataDir }),
          dispose: async () => rmSync(dataDir, { recursive: true, force: true }),
        };

const ingestsOn = (
  streams: readonly EventStream[],
  translations: Translations,
  clock: ManualClock,
  feedSessions: FeedSessions,
) => streams.map((stream) => createIngest({ stream, translations, hashing, clock, feedSessions }));

export function byModel<T>(of: (model: ModelName, at: number) => T): Record<ModelName, T> {
  return Object.fromEntries(MODEL_NAMES.map((model, at) => [model, of(model, at)])) as Record<
    ModelName,
    T
  >;
}

/** One feed is heard by one ingestor; webhooks come to any. */
function ingestFor(delivery: PlannedDelivery, ingests: readonly Ingest[], random: Random): Ingest {
  if (delivery.kind === "webhook") return random.pick(ingests);
  const number = Number(delivery.feed.replace(/\D/g, "")) || 0;
  return ingests[number % ingests.length] as Ingest;
}

async function handOver(ingest: Ingest, delivery: PlannedDelivery): Promise<void> {
  if (delivery.kind === "feed-opened") {
    const { connection, continues, atNs } = delivery;
    const before = continues === null ? {} : { continues };
    const opening = { provider: "zerohash", connection, multi_chain: true, ...before } as const;
    await ingest.feedOpened({ ...opening, openedAt: atNs });
  } else if (delivery.kind === "feed-closed") {
    const { connection, atNs } = delivery;
    const closing = { provider: "zerohash", connection, reason: "disconnected" } as const;
    await ingest.feedClosed({ ...closing, closedAt: atNs });
  } else if (delivery.kind === "snapshot-completed") {
    const { connection, frames } = delivery;
    await ingest.snapshotCompleted({ provider: "zerohash", connection, frames });
  } else await ingest.submit(deliveryOf(delivery));
}

type Message = Extract<PlannedDelivery, { kind: "webhook" | "feed-frame" }>;

function deliveryOf(planned: Message): Delivery {
  const receivedAt = planned.arrivesAtNs;
  if (planned.kind === "feed-frame") {
    const { connection, frame, text } = planned;
    return {
      provider: "zerohash",
      channel: "feed",
      payloadType: "feed",
      notificationId: null,
      place: { connection, frame },
      verdict: { signature: "none" },
      bytes: Buffer.from(text),
      receivedAt,
      correlationId: connection,
    };
  }
  const { provider, payloadType, body, notificationId } = planned;
  return {
    provider,
    channel: "webhook",
    payloadType,
    notificationId,
    place: null,
    verdict: { signature: "valid", scheme: "hmac-sha256", key: "1" },
    bytes: Buffer.from(body),
    receivedAt,
    correlationId: null,
  };
}

export async function allRows(
  rows: Pick<ModelStore, "select">,
  table: Table,
): Promise<readonly Row[]> {
  return rows.select(table, { orderBy: table.key, limit: 10_000_000 });
}

export async function allEvents(
  stream: EventStream,
  types?: readonly string[],
): Promise<readonly RecordedEvent[]> {
  const query = { after: 0, limit: 10_000_000 };
  return stream.read(types === undefined ? query : { ...query, types });
}

type LiveModel = Readonly<{
  step: () => Promise<void>;
  catchUp: () => Promise<void>;
  checkpoint: () => Promise<Checkpoint>;
  release: () => Promise<void>;
}>;

type LiveModelOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  random: Random;
}>;

const BATCH_MAX = 60;

/**
 * A model as a projector keeps it: small batches of random size, now and then opened again from its
 * last commit, and now and then killed in the middle of a batch.
 */
function liveModel({ stream, catalogue, projection, random }: LiveModelOptions): LiveModel {
  let open: Readonly<{ store: ModelStore; folding: ProjectionRun; generation: number }> | null =
    null;
  let failing = false;

  async function current() {
    if (open !== null) return open;
    const { generation } = await liveGeneration(stream, projection.model);
    await ensureGeneration(catalogue, projection, generation);
    const store = await catalogue.openForWriting(projection.model, generation);
    const guarded = guardedStore(store, () => failing);
    const folding = await openProjectionRun({ stream, projection, store: guarded, hashing });
    open = { store, folding, generation };
    return open;
  }

  async function release(): Promise<void> {
    await open?.store.close();
    open = null;
  }

  async function step(): Promise<void> {
    if (random.chance(0.15)) await release();
    const { folding } = await current();
    const after = folding.checkpoint.position;
    const limit = random.chance(0.1) ? 2000 : 1 + random.below(BATCH_MAX);
    const events = await stream.read({ after, limit });
    if (events.length === 0) return;
    failing = random.chance(0.08);
    try {
      await folding.fold(events);
    } catch (error) {
      if (!(error instanceof ModelUnavailable)) throw error;
      await release();
    } finally {
      failing = false;
    }
  }

  async function catchUp(): Promise<void> {
    const target = (await stream.head()).position;
    for (;;) {
      const { folding } = await current();
      if (folding.checkpoint.position >= target) return;
      await step();
    }
  }

  return {
    step,
    catchUp,
    release,
    checkpoint: async () => (await current()).folding.checkpoint,
  };
}

export async function ensureGeneration(
  catalogue: ModelCatalogue,
  { model, tables, version: modelVersion }: Projection,
  generation: number,
): Promise<void> {
  const known = await catalogue.generations(model);
  if (known.some((other) => other.generation === generation)) return;
  await catalogue.create(model, { tables, modelVersion, generation });
}

/** Commits fail while `isFailing`, as those of a process that was killed never come. */
function guardedStore(store: ModelStore, isFailing: () => boolean): ModelStore {
  return {
    ...store,
    commit: async (commit) => {
      if (isFailing()) throw new ModelUnavailable("killed by the test");
      await store.commit(commit);
    },
  };
}

type Refolded = Readonly<{ store: ModelStore; checkpoint: Checkpoint }>;

/** The stream folded anew, in memory, in one go. */
export async function refold(
  stream: EventStream,
  projection: Projection,
  position?: number,
): Promise<Refolded> {
  const catalogue = createMemoryModelCatalogue();
  const { model, tables, version: modelVersion } = projection;
  const generation = await catalogue.create(model, { tables, modelVersion });
  const store = await catalogue.openForWriting(model, generation ?? 1);
  const folding = await openProjectionRun({ stream, projection, store, hashing });
  const end = position ?? (await stream.head()).position;
  return { store, checkpoint: await runTo(stream, folding, end) };
}

/** Live models have the digests of the stream folded anew, in memory: what every engine must have. */
export async function expectRebuilt(
  ledger: TestLedger,
  models: readonly ModelName[] = MODEL_NAMES,
): Promise<void> {
  await ledger.catchUp();
  const checkpoints = await ledger.checkpoints();
  for (const model of models) {
    const { checkpoint } = await refold(ledger.stream, ledger.projections[model]);
    expect([model, checkpoint]).toEqual([model, checkpoints[model]]);
  }
}

/** Rows that count in the state digest, as the digest sees them, sorted. */
export function stateRows(table: Table, rows: readonly Row[]): readonly string[] {
  if (table.digested !== "both") return [];
  const columns = Object.keys(table.columns)
    .sort()
    .filter((column) => table.columns[column]?.state);
  return rows
    .filter((row) => table.isState?.(row) ?? true)
    .map((row) => columns.map((column) => `${column}=${row[column]}`).join(" "))
    .sort();
}

/** What two ledgers' models have not in common, line by line; empty where their states agree. */
export async function stateDifferences(a: TestLedger, b: TestLedger): Promise<readonly string[]> {
  const [left, right] = [await a.states(), await b.states()];
  const differences: string[] = [];
  for (const model of MODEL_NAMES) {
    if (left[model] === right[model]) continue;
    differences.push(`${model}: ${left[model]} | ${right[model]}`);
    for (const table of a.projections[model].tables) {
      const ours = stateRows(table, await a.rows(model, table));
      const theirs = stateRows(table, await b.rows(model, table));
      differences.push(...without(ours, theirs).map((line) => `  < ${table.name} ${line}`));
      differences.push(...without(theirs, ours).map((line) => `  > ${table.name} ${line}`));
    }
  }
  return differences.slice(0, 40);
}

/** A row as text that holds all of it. */
export const printed = (row: Row): string =>
  JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value));

export function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const other of others) left.set(other, (left.get(other) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
