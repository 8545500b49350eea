import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { STOPPED } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ServedModels } from "../queries/serving.ts";
import { FOLLOWED_SINCE } from "./change-rows.ts";
import { type Mark, ModelUnread, type ReadChangesDeps, readNext } from "./read.ts";
import {
  advance,
  type ChangeCursor,
  cursorAt,
  type NextChanges,
  nextChanges,
  type ReadChange,
  type ShownReset,
  type ShownState,
} from "./reader.ts";

/** Whoever is told what is new. */
export type HubSink = Readonly<{
  /** Whose views are wanted beside the whole. */
  platforms: () => readonly string[];
  onChanges: (changes: readonly ReadChange[], behind: ChangeCursor, next: NextChanges) => void;
  onState: (model: ModelName, state: ShownState) => void;
  onReset: (reset: ShownReset) => void;
}>;

type HubDeps = ReadChangesDeps &
  Readonly<{
    stream: EventStream;
    clock: Clock;
    signal: AbortSignal;
    /** Resolves when what was told has been passed on, as far as memory is bounded by it. */
    room: () => Promise<void>;
    onFailure: (error: unknown) => void;
  }>;

/** Follows the models for all readers that are not behind. */
type Hub = {
  /** Up to where everything was told; null before it has begun. */
  cursor: ChangeCursor | null;
  /** Whose views are being read. */
  views: readonly string[] | null;
  judge: ReturnType<typeof watchLag>;
  stopped: Map<ModelName, ReadonlySet<string>>;
  /** Models whose changes could not be read, and until when they count as such. */
  readonly unread: Map<ModelName, number>;
  /** Models that could not be read yet: where they are, nobody knows. */
  readonly unknown: Set<ModelName>;
};

export const newHub = (): Hub => ({
  cursor: null,
  views: null,
  judge: watchLag(),
  stopped: new Map(),
  unread: new Map(),
  unknown: new Set(),
});

/** A model that is farther behind when the hub begins is not waited for. */
const NEAR = 1_000;
/** What came within it goes out together. */
const TICK_MS = 100;
/** Between two looks at models that have not projected what is there. */
const MODEL_POLL_MS_MIN = 15;
const MODEL_POLL_MS_MAX = 250;
const LAGGING_POLL_MS = 100;
const RETRY_MS = 500;
const UNREAD_MS = 5_000;

type Looked = ReadonlyMap<ModelName, FollowedModel | null>;

/** @returns how the hub takes its next step: it answers how long to pause, null until the stream goes on */
export function createStep(hub: Hub, deps: HubDeps, sink: HubSink): () => Promise<number | null> {
  const look = createLook(deps);
  let pollMs = MODEL_POLL_MS_MIN;
  const nowMs = () => Number(deps.clock.now() / 1_000_000n);

  async function step(): Promise<number | null> {
    const looked = await look((_model, error) => deps.onFailure(error));
    if (hub.cursor === null) begin(hub, looked);
    if (hub.cursor === null) return RETRY_MS;
    meetUnknown(hub, looked);
    const reached = reachedOf(hub, looked, nowMs());
    letGo(hub, reached, { nowMs: nowMs(), sink });
    const hasMoved = await moveOn(hub, reached, { deps, sink });
    noteStopped(hub, looked, sink);
    if (hasMoved) pollMs = MODEL_POLL_MS_MIN;
    if (hasMoved) return TICK_MS;
    if ((await deps.stream.head()).position > hub.cursor.position) {
      pollMs = Math.min(2 * pollMs, MODEL_POLL_MS_MAX);
      return pollMs / 2;
    }
    pollMs = MODEL_POLL_MS_MIN;
    return hub.cursor.apart.size > 0 ? LAGGING_POLL_MS : null;
  }

  return async () => {
    try {
      return await step();
    } catch (error) {
      if (error instanceof ModelUnread) hub.unread.set(error.model, nowMs() + UNREAD_MS);
      deps.onFailure(error);
      return RETRY_MS;
    } finally {
      hub.views = null;
    }
  };
}

function begin(hub: Hub, looked: Looked): void {
  const positions = [...looked.values()].map((one) => one?.position ?? -1);
  const foremost = Math.max(...positions);
  if (foremost < 0) return;
  const isNear = (one: number) => one >= Math.max(0, foremost - NEAR);
  const position = Math.min(...positions.filter(isNear));
  const far = [...looked].filter(([, one]) => !isNear(one?.position ?? -1));
  const apart = far.map(([model, one]) => {
    if (one === null) hub.unknown.add(model);
    return [model, { position: one?.position ?? 0, seen: null }] as const;
  });
  hub.cursor = { ...cursorAt(position), apart: new Map(apart) };
  hub.judge = watchLag();
  hub.stopped = stoppedIn(looked);
}

/** Live readers are told of a model from where it is when it can first be read. */
function meetUnknown(hub: Hub, looked: Looked): void {
  for (const model of hub.unknown) {
    const found = looked.get(model) ?? null;
    if (found === null || hub.cursor === null) continue;
    const position = Math.min(found.position, hub.cursor.position);
    const apart = new Map(hub.cursor.apart).set(model, { position, seen: null });
    hub.cursor = { ...hub.cursor, apart };
    hub.unknown.delete(model);
  }
}

/** How far the models are; one that cannot be read is where it was. */
function reachedOf(hub: Hub, looked: Looked, nowMs: number): ReadonlyMap<ModelName, number> {
  const { cursor, unread } = hub;
  const was = (model: ModelName) => (cursor?.apart.get(model) ?? cursor)?.position ?? 0;
  return new Map(
    [...looked].map(([model, one]) => {
      const isUnread = nowMs < (unread.get(model) ?? 0);
      const position = isUnread ? 0 : (one?.position ?? 0);
      return [model, Math.max(position, was(model))] as const;
    }),
  );
}

/** From now on models that hold up the others go apart from them. */
function letGo(
  hub: Hub,
  reached: ReadonlyMap<ModelName, number>,
  { nowMs, sink }: Readonly<{ nowMs: number; sink: HubSink }>,
): void {
  const { cursor } = hub;
  const together = [...reached].filter(([model]) => cursor?.apart.has(model) === false);
  if (cursor === null || cursor.seen !== null || together.length === 0) return;
  const { position } = cursor;
  const behind = hub.judge(new Map(together), nowMs);
  if (behind.length === 0) return;
  const gone = behind.map((model) => [model, { position, seen: null }] as const);
  hub.cursor = { ...cursor, apart: new Map([...cursor.apart, ...gone]) };
  for (const model of behind) sink.onState(model, { state: "behind", position });
}

/** Reads what is new up to where the models are, and tells it. @returns whether there was anything */
async function moveOn(
  hub: Hub,
  reached: ReadonlyMap<ModelName, number>,
  { deps, sink }: Readonly<{ deps: HubDeps; sink: HubSink }>,
): Promise<boolean> {
  const known = cursorOf(reached);
  let [hasMoved, mark] = [false, null as Mark | null];
  while (hub.cursor !== null && !deps.signal.aborted) {
    const behind = hub.cursor;
    const next = nextChanges(behind, known);
    if (next === null) break;
    await deps.room();
    hub.views = sink.platforms();
    const read = await readNext(deps, next, { platforms: hub.views, mark });
    mark = read.mark;
    hub.cursor = advance(behind, next, read.to);
    hub.views = null;
    sink.onChanges(read.changes, behind, next);
    tellCaughtUp(behind, hub.cursor, sink);
    hasMoved ||= read.changes.length > 0;
    // One event that changed very much goes out by and by.
    if (mark !== null) await deps.clock.sleep(TICK_MS, deps.signal);
    else await deps.clock.nextTurn();
  }
  return hasMoved;
}

function tellCaughtUp(behind: ChangeCursor, { apart, position }: ChangeCursor, sink: HubSink) {
  for (const model of behind.apart.keys()) {
    if (!apart.has(model)) sink.onState(model, { state: "current", position });
  }
}

/** What a stopped subject changes when it goes on lies behind what was told. */
function noteStopped(hub: Hub, looked: Looked, sink: HubSink): void {
  const now = stoppedIn(looked);
  for (const [model, subjects] of now) {
    const hasGoneOn = [...(hub.stopped.get(model) ?? [])].some((one) => !subjects.has(one));
    const position = hub.cursor?.position ?? 0;
    if (hasGoneOn) sink.onReset({ model, position, generation: null, version: null });
  }
  hub.stopped = new Map([...hub.stopped, ...now]);
}

const stoppedIn = (looked: Looked) =>
  new Map([...looked].flatMap(([model, one]) => (one === null ? [] : [[model, one.stopped]])));

/** The models as far as they have come. */
function cursorOf(reached: ReadonlyMap<ModelName, number>): ChangeCursor {
  const apart = [...reached].map(([model, position]) => [model, { position, seen: null }] as const);
  return { ...cursorAt(Math.max(...reached.values())), apart: new Map(apart) };
}

/** How long changes of the other models wait for a model that is behind. */
const PATIENCE_MS = 1_000;

/**
 * Which models hold up the others: those that are not, by now, where the foremost was a second ago.
 *
 * @returns to be told again and again how far each model has come, and when
 */
function watchLag(): (
  reached: ReadonlyMap<ModelName, number>,
  nowMs: number,
) => readonly ModelName[] {
  let aim: Readonly<{ position: number; atMs: number }> | null = null;
  return (reached, nowMs) => {
    const positions = [...reached.values()];
    const isReached = aim !== null && Math.min(...positions) >= aim.position;
    // A clock that was set back begins anew.
    if (aim === null || isReached || nowMs < aim.atMs) {
      aim = { position: Math.max(...positions), atMs: nowMs };
      return [];
    }
    if (nowMs - aim.atMs < PATIENCE_MS) return [];
    const { position } = aim;
    aim = null;
    return [...reached].filter(([, each]) => each < position).map(([model]) => model);
  };
}

/** How far a model can be followed, and which of its subjects are stopped there. */
type FollowedModel = Readonly<{ position: number; stopped: ReadonlySet<string> }>;

/** Subjects that are compared; of more than that it is only known that there are more. */
const STOPPED_MAX = 100;

/**
 * Looks how far each model can be followed in the generation that is served.
 *
 * @returns null for a model that cannot be read just now
 */
function createLook(deps: ReadChangesDeps) {
  const isFollowed = new Map<string, boolean>();

  async function look(model: ModelName): Promise<FollowedModel | null> {
    const { position, generation, stopped } = await glance(deps.models, model);
    const key = `${model}:${generation}`;
    if (!isFollowed.has(key)) isFollowed.set(key, await isOfPresentRows(deps, model, generation));
    if (isFollowed.get(key) !== true) return null;
    const end = await endOf(deps, model, generation);
    return end === null ? null : { position: Math.min(position, end), stopped };
  }

  return async (
    onFailure: (model: ModelName, error: unknown) => void,
  ): Promise<ReadonlyMap<ModelName, FollowedModel | null>> => {
    const found = new Map<ModelName, FollowedModel | null>();
    await deps.activations.refreshIfAvailable();
    for (const model of modelName.options) {
      try {
        found.set(model, await look(model));
      } catch (error) {
        onFailure(model, error);
        found.set(model, null);
      }
    }
    return found;
  };
}

const glance = (models: ServedModels, model: ModelName) =>
  models.snapshot(model, async (rows, { position }, generation) => {
    const found = await rows.select(STOPPED, { orderBy: ["subject"], limit: STOPPED_MAX });
    const stopped = new Set(found.map((one) => `${one.position}:${one.subject}`));
    return { position, generation, stopped };
  });

async function isOfPresentRows(
  { catalogue }: ReadChangesDeps,
  model: ModelName,
  generation: number,
): Promise<boolean> {
  const known = await catalogue.generations(model);
  const { modelVersion = 0 } = known.find((one) => one.generation === generation) ?? {};
  return modelVersion >= FOLLOWED_SINCE;
}

/** Behind the next activation another generation is live. @returns null where this one is too new to be known */
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
