import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { createBackoff } from "../ports/retry.ts";
import { PUBLISHED_SINCE_VERSION } from "./change-rows.ts";
import type { ReadChange, ShownReset, ShownState } from "./channel.ts";
import { advance, type ChangeCursor, cursorAt, type NextChanges, nextChanges } from "./cursor.ts";
import { ModelUnread, type ReadChangesDeps, type ResumePoint, readNext } from "./read.ts";
import { type ObservedStops, observeStops, type SeenStops } from "./resumed.ts";

/** Receives changes as they are published. */
export type HubSink = Readonly<{
  /** Platforms whose views of the changes are read as well. */
  platforms: () => readonly string[];
  onChanges: (changes: readonly ReadChange[], before: ChangeCursor, next: NextChanges) => void;
  onState: (model: ModelName, state: ShownState) => void;
  onReset: (reset: ShownReset) => void;
}>;

type HubDeps = ReadChangesDeps &
  Readonly<{
    stream: EventStream;
    clock: Clock;
    signal: AbortSignal;
    /** Resolves when few enough published bytes are undelivered, which bounds memory. */
    waitForRoom: () => Promise<void>;
    onFailure: (error: unknown) => void;
  }>;

/** State of following the models for all live readers. */
type Hub = {
  /** Everything up to it was published; null before the start. */
  cursor: ChangeCursor | null;
  /** The platforms whose views are being read now. */
  views: readonly string[] | null;
  findLagging: ReturnType<typeof createLagDetector>;
  readonly stops: Map<ModelName, SeenStops>;
  /** Models whose changes could not be read, each with the time in ms until which it is not retried. */
  readonly unreadableUntil: Map<ModelName, number>;
  /** Models that could not be read since the start: their positions are unknown. */
  readonly neverRead: Set<ModelName>;
};

export const newHub = (): Hub => ({
  cursor: null,
  views: null,
  findLagging: createLagDetector(),
  stops: new Map(),
  unreadableUntil: new Map(),
  neverRead: new Set(),
});

/** A model more than this many events behind at start is followed separately instead of delaying the others. */
const NEAR_EVENTS = 1_000;
/** Changes within this interval are sent as one batch. */
const BATCH_INTERVAL_MS = 100;
/** Poll interval while models have not projected the stream's last events. */
const MODEL_POLL = { delayMsMin: 15, delayMsMax: 125 } as const;
const LAGGING_POLL_MS = 100;
const RETRY_MS = 500;
const UNREADABLE_MS = 5_000;

type ObservedModels = ReadonlyMap<ModelName, ObservedModel | null>;

/** @returns a function that takes the next step and returns the pause in ms, null to wait for the next event */
export function createStep(hub: Hub, deps: HubDeps, sink: HubSink): () => Promise<number | null> {
  const observe = createObserver(hub, deps);
  const modelPoll = createBackoff(MODEL_POLL);
  const nowMs = () => Number(deps.clock.now() / 1_000_000n);

  async function step(): Promise<number | null> {
    const observed = await observe((_model, error) => deps.onFailure(error));
    if (hub.cursor === null) start(hub, observed);
    if (hub.cursor === null) return RETRY_MS;
    addNewlyReadable(hub, observed);
    const positions = readablePositions(hub, observed, nowMs());
    separateLaggingModels(hub, positions, { nowMs: nowMs(), sink });
    const hasPublished = await publishNextChanges(hub, positions, { deps, sink });
    resetResumedSubjects(hub, observed, sink);
    if (hasPublished) modelPoll.reset();
    if (hasPublished) return BATCH_INTERVAL_MS;
    if ((await deps.stream.head()).position > hub.cursor.position) {
      return modelPoll.next();
    }
    modelPoll.reset();
    return hub.cursor.lagging.size > 0 ? LAGGING_POLL_MS : null;
  }

  return async () => {
    try {
      return await step();
    } catch (error) {
      if (error instanceof ModelUnread)
        hub.unreadableUntil.set(error.model, nowMs() + UNREADABLE_MS);
      deps.onFailure(error);
      return RETRY_MS;
    } finally {
      hub.views = null;
    }
  };
}

function start(hub: Hub, observed: ObservedModels): void {
  const positions = [...observed.values()].map((one) => one?.position ?? -1);
  const highest = Math.max(...positions);
  if (highest < 0) return;
  const isNear = (one: number) => one >= Math.max(0, highest - NEAR_EVENTS);
  const position = Math.min(...positions.filter(isNear));
  const far = [...observed].filter(([, one]) => !isNear(one?.position ?? -1));
  const lagging = far.map(([model, one]) => {
    if (one === null) hub.neverRead.add(model);
    return [model, { position: one?.position ?? 0, seen: null }] as const;
  });
  hub.cursor = { ...cursorAt(position), lagging: new Map(lagging) };
  hub.findLagging = createLagDetector();
}

/** Follows a model from the position that it has when it can first be read. */
function addNewlyReadable(hub: Hub, observed: ObservedModels): void {
  for (const model of hub.neverRead) {
    const found = observed.get(model) ?? null;
    if (found === null || hub.cursor === null) continue;
    const position = Math.min(found.position, hub.cursor.position);
    const lagging = new Map(hub.cursor.lagging).set(model, { position, seen: null });
    hub.cursor = { ...hub.cursor, lagging };
    hub.neverRead.delete(model);
  }
}

/** The position up to which each model can be read; its last one for a model that cannot be read. */
function readablePositions(
  hub: Hub,
  observed: ObservedModels,
  nowMs: number,
): ReadonlyMap<ModelName, number> {
  const { cursor, unreadableUntil } = hub;
  const lastOf = (model: ModelName) => (cursor?.lagging.get(model) ?? cursor)?.position ?? 0;
  return new Map(
    [...observed].map(([model, one]) => {
      const isUnreadable = nowMs < (unreadableUntil.get(model) ?? 0);
      const position = isUnreadable ? 0 : (one?.position ?? 0);
      return [model, Math.max(position, lastOf(model))] as const;
    }),
  );
}

/** Gives models that delay the others a position of their own, and reports them as behind. */
function separateLaggingModels(
  hub: Hub,
  positions: ReadonlyMap<ModelName, number>,
  { nowMs, sink }: Readonly<{ nowMs: number; sink: HubSink }>,
): void {
  const { cursor } = hub;
  const shared = [...positions].filter(([model]) => cursor?.lagging.has(model) === false);
  if (cursor === null || cursor.seen !== null || shared.length === 0) return;
  const { position } = cursor;
  const found = hub.findLagging(new Map(shared), nowMs);
  if (found.length === 0) return;
  const added = found.map((model) => [model, { position, seen: null }] as const);
  hub.cursor = { ...cursor, lagging: new Map([...cursor.lagging, ...added]) };
  for (const model of found) sink.onState(model, { state: "behind", position });
}

/** Publishes new changes up to the models' positions. @returns whether there were any */
async function publishNextChanges(
  hub: Hub,
  positions: ReadonlyMap<ModelName, number>,
  { deps, sink }: Readonly<{ deps: HubDeps; sink: HubSink }>,
): Promise<boolean> {
  const known = cursorOf(positions);
  let [hasPublished, resumePoint] = [false, null as ResumePoint | null];
  while (hub.cursor !== null && !deps.signal.aborted) {
    const before = hub.cursor;
    const next = nextChanges(before, known);
    if (next === null) break;
    await deps.waitForRoom();
    hub.views = sink.platforms();
    const read = await readNext(deps, next, { platforms: hub.views, resumePoint });
    resumePoint = read.resumePoint;
    hub.cursor = advance(before, next, read.to);
    hub.views = null;
    sink.onChanges(read.changes, before, next);
    reportCaughtUp(before, hub.cursor, sink);
    hasPublished ||= read.changes.length > 0;
    // The pieces of an event with very many changes are spread over time.
    if (resumePoint !== null) await deps.clock.sleep(BATCH_INTERVAL_MS, deps.signal);
    else await deps.clock.nextTurn();
  }
  return hasPublished;
}

function reportCaughtUp(before: ChangeCursor, { lagging, position }: ChangeCursor, sink: HubSink) {
  for (const model of before.lagging.keys()) {
    if (!lagging.has(model)) sink.onState(model, { state: "current", position });
  }
}

/** A resumed subject changes rows at positions already published, so readers have to read its model again. */
function resetResumedSubjects(hub: Hub, observed: ObservedModels, sink: HubSink): void {
  for (const [model, one] of observed) {
    if (one === null) continue;
    const position = hub.cursor?.position ?? 0;
    if (one.hasResumed) sink.onReset({ model, position, generation: null, version: null });
    hub.stops.set(model, one.stops);
  }
}

/** A cursor with each model at its own position. */
function cursorOf(positions: ReadonlyMap<ModelName, number>): ChangeCursor {
  const lagging = [...positions].map(
    ([model, position]) => [model, { position, seen: null }] as const,
  );
  return { ...cursorAt(Math.max(...positions.values())), lagging: new Map(lagging) };
}

/** How long the changes of the other models are delayed by a model that is behind. */
const LAG_TOLERANCE_MS = 1_000;

/**
 * Finds the models that delay the others: those that have not reached, a second later, the highest
 * position of any model.
 *
 * @returns to be called repeatedly with the models' positions and the time
 */
function createLagDetector(): (
  positions: ReadonlyMap<ModelName, number>,
  nowMs: number,
) => readonly ModelName[] {
  let target: Readonly<{ position: number; atMs: number }> | null = null;
  return (positions, nowMs) => {
    const all = [...positions.values()];
    const isReached = target !== null && Math.min(...all) >= target.position;
    // If the clock was set back, the wait starts over.
    if (target === null || isReached || nowMs < target.atMs) {
      target = { position: Math.max(...all), atMs: nowMs };
      return [];
    }
    if (nowMs - target.atMs < LAG_TOLERANCE_MS) return [];
    const { position } = target;
    target = null;
    return [...positions].filter(([, each]) => each < position).map(([model]) => model);
  };
}

/** `position`: that up to which the model can be read. */
type ObservedModel = ObservedStops & Readonly<{ position: number }>;

/**
 * Observes how far each model can be read in its served generation.
 *
 * @returns null for a model that cannot be read now
 */
function createObserver(hub: Hub, deps: ReadChangesDeps) {
  async function observeModel(model: ModelName): Promise<ObservedModel | null> {
    const before = hub.stops.get(model) ?? null;
    const publishedTo = (hub.cursor?.lagging.get(model) ?? hub.cursor)?.position ?? 0;
    const found = await deps.models.snapshot(model, async (rows, checkpoint, served) => {
      if (served.modelVersion < PUBLISHED_SINCE_VERSION) return null;
      const now = { generation: served.generation, checkpoint };
      return { now, ...(await observeStops(rows, now, before, publishedTo)) };
    });
    if (found === null) return null;
    const { now, ...stops } = found;
    const end = await endOf(deps, model, now.generation);
    return end === null ? null : { position: Math.min(now.checkpoint.position, end), ...stops };
  }

  return async (
    onFailure: (model: ModelName, error: unknown) => void,
  ): Promise<ReadonlyMap<ModelName, ObservedModel | null>> => {
    const found = new Map<ModelName, ObservedModel | null>();
    await deps.activations.refreshIfAvailable();
    for (const model of modelName.options) {
      try {
        found.set(model, await observeModel(model));
      } catch (error) {
        onFailure(model, error);
        found.set(model, null);
      }
    }
    return found;
  };
}

/**
 * The position of the next activation, after which another generation is live.
 *
 * @returns null if the generation's own activation is not known yet
 */
async function endOf(
  { activations }: ReadChangesDeps,
  model: ModelName,
  generation: number,
): Promise<number | null> {
  const latestFirst = activations.latestFirst(model);
  const at = latestFirst.findIndex((activation) => activation.generation === generation);
  if (at === -1) return null;
  return at === 0 ? Number.MAX_SAFE_INTEGER : (latestFirst[at - 1]?.position ?? null);
}
