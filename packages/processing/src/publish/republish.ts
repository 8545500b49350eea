import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import {
  PUBLISHED_SINCE_VERSION,
  recordsAt,
  type Source,
  sourcesOf,
} from "../changes/change-rows.ts";
import { isUnreadable, ModelUnavailable } from "../ports/errors.ts";
import { PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { Checkpoint, Condition, GenerationInfo, Rows } from "../ports/model-store.ts";
import type { HeldState, TopicPublisher, TopicRecord } from "../ports/topics.ts";
import { hasBuiltSuccessor, type PublishContext, type Published } from "./batch.ts";
import { type Publishing, publishAccepted, stoppedStates } from "./stopped-keys.ts";
import type { StoppedWatch } from "./stopped-subjects.ts";
import {
  type PublisherCheckpoint,
  REPUBLISH_ALL,
  type StateChange,
  type StoppedKey,
  stateMessage,
  withModel,
} from "./topic-format.ts";

/** The open publisher, with what republishing reads. */
export type Republishing = Publishing &
  Readonly<{
    context: PublishContext;
    checkpoint: PublisherCheckpoint;
    stopped: StoppedWatch;
  }>;

/** The result of republishing, and the checkpoint that was committed with it. */
export type Republished = Readonly<{ published: Published; checkpoint: PublisherCheckpoint }>;

/** At the publisher's position, the live generation differs from the published one. */
type GenerationSwitch = Readonly<{
  model: ModelName;
  generation: number;
  version: number;
  /**
   * The published generation; null if its rows no longer exist, so that only the topics hold what was
   * published.
   */
  published: number | null;
}>;

type Switches = Readonly<{
  /** Switches that can be published now. */
  ready: readonly GenerationSwitch[];
  /** Whether a live generation has not been built up to the publisher's position. */
  isWaiting: boolean;
  /** Models whose rows are published for the first time, with their version. */
  started: readonly Readonly<{ model: ModelName; version: number }>[];
}>;

/**
 * Compares the published generations with those that are live at the publisher's position.
 *
 * @param isFirstCheck compares versions even if the generation's number is the same: a program of
 *   another version may have rebuilt its rows while no publisher ran
 */
export async function findSwitches(
  context: PublishContext,
  { position, models }: PublisherCheckpoint,
  isFirstCheck: boolean,
): Promise<Switches> {
  const ready: GenerationSwitch[] = [];
  const started: { model: ModelName; version: number }[] = [];
  let isWaiting = false;
  for (const model of modelName.options) {
    const live = context.activations.liveAt(model, position);
    const published = models[model];
    const isSame = live.generation === published.generation;
    if (isSame && published.version !== null && !isFirstCheck) continue;
    const known = await context.catalogue.generations(model);
    const found = known.find(({ generation }) => generation === live.generation);
    if (isSame && found?.modelVersion === published.version) continue;
    if (isSame && (found === undefined || published.version === null)) {
      // A generation that was skipped is not published from the middle.
      const isNew = found !== undefined && live.position === position;
      if (isNew) started.push({ model, version: found.modelVersion });
      continue;
    }
    if (found !== undefined && found.checkpoint.position >= position) {
      const { generation, modelVersion: version } = found;
      ready.push({ model, generation, version, published: publishedRows(known, published) });
      continue;
    }
    await context.activations.refresh();
    // A generation that is not built any further is skipped: its successor is published.
    if (!(await hasBuiltSuccessor(context, model, position))) isWaiting = true;
  }
  return { ready, isWaiting, started };
}

/** The published generation, if it still has the rows that were published. */
function publishedRows(
  known: readonly GenerationInfo[],
  { generation, version, republishFrom }: PublisherCheckpoint["models"][ModelName],
): number | null {
  if (republishFrom === REPUBLISH_ALL) return null;
  if (version === null || version < PUBLISHED_SINCE_VERSION) return null;
  const found = known.find((other) => other.generation === generation);
  return found?.modelVersion === version ? generation : null;
}

/** Publishes the records that differ between the published generation and the live one, which replaces it. */
export async function publishSwitch(at: Republishing, to: GenerationSwitch): Promise<Republished> {
  try {
    return await publishDifferences(at, to);
  } catch (error) {
    if (to.published === null || !isUnreadable(error)) throw error;
    // The published rows are damaged and cannot be compared, so all records are published.
    return publishDifferences(at, { ...to, published: null });
  }
}

async function publishDifferences(
  at: Republishing,
  { model, generation, version, published }: GenerationSwitch,
): Promise<Republished> {
  const { publisher, context, checkpoint } = at;
  const { position } = checkpoint;
  const live = snapshotsFrom(context, model, { generation, position });
  const hasPublishedRows = version >= PUBLISHED_SINCE_VERSION;
  if (hasPublishedRows) await followStopped(at, model, live, generation);
  else at.stopped.forget(model);
  const nextOf = (stopped: readonly StoppedKey[]) => {
    const now = { publishedTo: position, keys: stoppedStates(stopped, model) };
    const republishFrom = at.stopped.finish(model, now);
    return withModel({ ...checkpoint, stopped }, model, { generation, version, republishFrom });
  };
  const sources = hasPublishedRows ? sourcesOf(model) : [];
  const before = published === null ? null : snapshotsOf(context, model, published);
  async function* changes() {
    yield* recordDifferences({ sources, position, live }, before);
    if (before === null) yield* removedRecords({ sources, position, live }, publisher);
  }
  const result = await publishStates(at, { changes: changes(), generation, nextOf });
  context.readers.keepOnly(model, [generation]);
  return result;
}

/** Publishes the changes that resumed subjects made at positions already published, or lost records. */
export async function republishResumed(at: Republishing): Promise<Republished | null> {
  const { context, checkpoint, stopped } = at;
  const { position, models } = checkpoint;
  for (const model of modelName.options) {
    const { generation, version, republishFrom } = models[model];
    if (republishFrom === null || version === null || version < PUBLISHED_SINCE_VERSION) continue;
    const live = snapshotsFrom(context, model, { generation, position });
    await followStopped(at, model, live, generation);
    const stoppedNow = (keys: readonly StoppedKey[]) => ({
      publishedTo: position,
      keys: stoppedStates(keys, model),
    });
    stopped.update(model, { ...stoppedNow(checkpoint.stopped), republishFrom, resumed: [] });
    if (!stopped.isRepublishDue(model)) continue;
    const sources = sourcesOf(model);
    const changes =
      republishFrom === REPUBLISH_ALL
        ? recordDifferences({ sources, position, live }, null)
        : changedRecords({ sources, position, live }, republishFrom);
    const nextOf = (keys: readonly StoppedKey[]) =>
      withModel({ ...checkpoint, stopped: keys }, model, {
        republishFrom: stopped.finish(model, stoppedNow(keys)),
      });
    return publishStates(at, { changes, generation, nextOf });
  }
  return null;
}

const followStopped = (
  { stopped, checkpoint: { position: publishedTo } }: Republishing,
  model: ModelName,
  live: Snapshots,
  generation: number,
): Promise<void> =>
  live((rows, checkpoint) => stopped.follow(model, rows, { generation, checkpoint, publishedTo }));

type States = Readonly<{
  changes: AsyncIterable<StateChange>;
  generation: number;
  /** The checkpoint that is committed with the last state. */
  nextOf: (stopped: readonly StoppedKey[]) => PublisherCheckpoint;
}>;

/**
 * Publishes states as of the publisher's position, in as many transactions as needed. After a crash it
 * starts over: publishing the same state twice is harmless.
 */
async function publishStates(
  { context, checkpoint, ...publishing }: Republishing,
  { changes, generation, nextOf }: States,
): Promise<Republished> {
  const { ledger, position } = checkpoint;
  const { limits } = context;
  const [event] = await context.stream.read({ after: position - 1, limit: 1 });
  const provenance = { ledger, position, recordedAt: event?.recorded_at ?? 0n, generation };
  let current = checkpoint;
  let records: TopicRecord[] = [];
  let bytes = 0;
  let messages = 0;
  for await (const change of changes) {
    records.push(stateMessage(change, provenance));
    bytes += change.value?.length ?? 0;
    messages += 1;
    if (records.length < limits.count && bytes < limits.bytes) continue;
    const unfinished = current;
    const stopping = (stopped: readonly StoppedKey[]) => ({ ...unfinished, stopped });
    current = await publishAccepted(publishing, records, unfinished, stopping);
    records = [];
    bytes = 0;
  }
  const next = await publishAccepted(publishing, records, current, nextOf);
  return { published: { position, messages, facts: 0 }, checkpoint: next };
}

/** Reads the rows of one generation of a model, each time in a new snapshot. */
type Snapshots = <T>(read: (rows: Rows, checkpoint: Checkpoint) => Promise<T>) => Promise<T>;

const snapshotsOf =
  ({ readers }: PublishContext, model: ModelName, generation: number): Snapshots =>
  (read) =>
    readers.snapshot(model, generation, read);

/** A generation that is being rebuilt must not be read before it has reached the position again. */
export const snapshotsFrom =
  ({ readers }: PublishContext, model: ModelName, at: Readonly<GenerationAt>): Snapshots =>
  (read) =>
    readers.snapshot(model, at.generation, (rows, checkpoint) => {
      if (checkpoint.position >= at.position) return read(rows, checkpoint);
      throw new ModelUnavailable(
        `generation ${at.generation} of ${model} is at ${checkpoint.position}, and ${at.position} is published: it is being built again`,
      );
    });

type GenerationAt = { generation: number; position: number };

/** The generation to be published, and the position as of which its records are read. */
export type Live = Readonly<{ sources: readonly Source[]; position: number; live: Snapshots }>;

const PAGE = 500;

/**
 * The changes that turn the published generation into the live one: records that differ, and removals.
 * If the published rows no longer exist (null), all records; removals are then found on the topics by
 * `removedRecords`.
 */
export async function* recordDifferences(
  { sources, position, live }: Live,
  published: Snapshots | null,
): AsyncGenerator<StateChange> {
  for (const source of sources) {
    const generations = published === null ? [live] : [live, published];
    for (const snapshots of generations) {
      for await (const ids of idsAt(snapshots, source, position)) {
        const now = await recordsOf(live, source, ids, position);
        const before = published && (await recordsOf(published, source, ids, position));
        for (const id of ids) {
          const value = textOf(now.get(id));
          // A record of both generations was compared in the pass over the live one.
          if (snapshots !== live && value !== null) continue;
          const known = textOf(before?.get(id));
          if (value !== known) yield { topic: source.topic, key: id, value };
        }
      }
    }
  }
}

/**
 * The records changed by events from one position on, as they are at another position. They are
 * republished after a stopped subject was resumed.
 */
async function* changedRecords(
  { sources, position, live }: Live,
  from: number,
): AsyncGenerator<StateChange> {
  for (const source of sources) {
    for await (const ids of changedIds(live, source, [from, position])) {
      for (const [id, record] of await recordsOf(live, source, ids, position)) {
        yield { topic: source.topic, key: id, value: textOf(record) };
      }
    }
  }
}

const recordsOf = (
  snapshots: Snapshots,
  source: Source,
  ids: readonly string[],
  position: number,
) => snapshots((rows) => recordsAt(rows, source, { ids, position }));

const textOf = (record: object | null | undefined): string | null =>
  record === null || record === undefined ? null : JSON.stringify(record);

/** Every id that may have had a record at the position; ids can repeat. */
async function* idsAt(
  snapshots: Snapshots,
  source: Source,
  position: number,
): AsyncGenerator<readonly string[]> {
  for (let last: string | null = null; ; ) {
    const beyond: { beyond?: readonly string[] } = last === null ? {} : { beyond: [last] };
    const ids: readonly string[] = await snapshots(async (rows) => {
      const query = { orderBy: ["id"], limit: PAGE, bytesMax: PAGE_BYTES_MAX, ...beyond };
      const page = await rows.select(source.current, query);
      return page.map(({ id }) => String(id));
    });
    if (ids.length === 0) break;
    yield ids;
    last = ids.at(-1) ?? null;
  }
  // A record that was removed later has no row any more.
  yield* changedIds(snapshots, source, [position + 1, null]);
}

/** Ids with change rows in a range of positions, both ends included. */
async function* changedIds(
  snapshots: Snapshots,
  { changes: table, id: column }: Source,
  [from, upTo]: readonly [number, number | null],
): AsyncGenerator<readonly string[]> {
  const where: Condition[] = [{ column: "position", is: ">=", value: from }];
  if (upTo !== null) where.push({ column: "position", is: "<=", value: upTo });
  for (let last: readonly (string | number)[] | null = null; ; ) {
    const beyond: { beyond?: readonly (string | number)[] } = last === null ? {} : { beyond: last };
    const found: readonly (readonly [number, string])[] = await snapshots(async (rows) => {
      const query = {
        where,
        orderBy: table.key,
        limit: PAGE,
        bytesMax: PAGE_BYTES_MAX,
        ...beyond,
      };
      const page = await rows.select(table, query);
      return page.map((row) => [Number(row.position), String(row[column])] as const);
    });
    if (found.length === 0) return;
    yield [...new Set(found.map(([, id]) => id))];
    last = found.at(-1) ?? null;
  }
}

/**
 * Tombstones for records that are on the topics and not in the live generation. The generation that
 * published them may have been pruned or dropped.
 */
async function* removedRecords(live: Live, publisher: TopicPublisher): AsyncGenerator<StateChange> {
  for (const source of live.sources) {
    const removed = await removedKeys(publisher, source, live);
    for (const key of removed) yield { topic: source.topic, key, value: null };
  }
}

/** Keys on the topic without a record in the live generation; only these are kept in memory. */
async function removedKeys(
  publisher: TopicPublisher,
  source: Source,
  { position, live }: Live,
): Promise<ReadonlySet<string>> {
  const removed = new Set<string>();
  await publisher.readStates(source.topic, async (states) => {
    const ofModel = states.filter((state) => belongsTo(source, state));
    const ids = [...new Set(ofModel.map(({ key }) => key))];
    const now = await live((rows) => recordsAt(rows, source, { ids, position }));
    const missing = new Set(ofModel.filter(({ key }) => (now.get(key) ?? null) === null));
    for (const state of states) {
      if (missing.has(state)) removed.add(state.key);
      else removed.delete(state.key);
    }
  });
  return removed;
}

/** All models share the anomalies topic. A tombstone leaves nothing to remove. */
function belongsTo({ model, topic }: Source, { value }: HeldState): boolean {
  if (value === null) return false;
  return topic !== "anomalies" || (JSON.parse(value) as AnomalyRecord).model === model;
}
