import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";

/**
 * How far the changes of some models are known: all up to a position; or all before it, and of the
 * changes at it the first `seen`.
 */
export type Reach = Readonly<{
  position: number;
  /** null: all of them. */
  seen: number | null;
}>;

/**
 * How far a reader of the changes has come. All models go together, so that their changes come in
 * the order of the stream; one that is behind goes apart from the others, so that it holds up none
 * of them, until it has come to where they are.
 */
export type ChangeCursor = Reach & Readonly<{ apart: ReadonlyMap<ModelName, Reach> }>;

export const cursorAt = (position: number): ChangeCursor => ({
  position,
  seen: null,
  apart: new Map(),
});

/** `120`, `120.3`, and with models apart `120.3~withdrawals.97.1`; nothing in it needs escaping in an address. */
export function formatCursor({ apart, ...reach }: ChangeCursor): string {
  const others = [...apart].map(([model, each]) => `~${model}.${formatReach(each)}`);
  return `${formatReach(reach)}${others.join("")}`;
}

const formatReach = ({ position, seen }: Reach): string =>
  seen === null ? String(position) : `${position}.${seen}`;

/** @returns null where it is none */
export function parseCursor(text: string): ChangeCursor | null {
  const [together = "", ...others] = text.split("~");
  const reach = parseReach(together);
  const apart = new Map<ModelName, Reach>();
  for (const other of others) {
    const at = other.indexOf(".");
    const { data: model } = modelName.safeParse(other.slice(0, Math.max(at, 0)));
    const each = parseReach(other.slice(at + 1));
    if (model === undefined || each === null || apart.has(model)) return null;
    if (!MODELS.includes(model)) return null;
    apart.set(model, each);
  }
  return reach && { ...reach, apart };
}

const MODELS: readonly ModelName[] = modelName.options;

function parseReach(text: string): Reach | null {
  const [, position, seen] = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (position === undefined) return null;
  return { position: Number(position), seen: seen === undefined ? null : Number(seen) };
}

/** What is to be read next: changes of these models behind `from`, up to a position. */
export type NextChanges = Readonly<{
  models: readonly ModelName[];
  from: Reach;
  upTo: number;
}>;

/** Up to where the changes of a model are known, by whoever follows the models. */
const reachOf = (known: ChangeCursor, model: ModelName): Reach => known.apart.get(model) ?? known;

export const isWhole = ({ seen }: Reach): boolean => seen === null;

/**
 * What a reader is to be given next.
 *
 * @param known how far the models are known, each at a whole position
 * @returns null where nothing is known that it has not seen
 */
export function nextChanges(reader: ChangeCursor, known: ChangeCursor): NextChanges | null {
  const together = MODELS.filter((model) => !reader.apart.has(model));
  const knownOf = (model: ModelName) => reachOf(known, model).position;
  const end = Math.min(...together.map(knownOf));
  const from = { position: reader.position, seen: reader.seen };
  if (reader.seen !== null) {
    const isKnown = end >= reader.position;
    return isKnown ? { models: together, from, upTo: reader.position } : null;
  }
  for (const [model, reach] of reader.apart) {
    const upTo = Math.min(reader.position, knownOf(model));
    const isBehind = isWhole(reach) ? reach.position < upTo : reach.position <= upTo;
    if (isBehind) return { models: [model], from: reach, upTo };
  }
  return end > reader.position ? { models: together, from, upTo: end } : null;
}

/** The reader with those models apart that hold it up, where others are known beyond it. */
export function goApart(reader: ChangeCursor, known: ChangeCursor): ChangeCursor {
  const { position, seen } = reader;
  if (seen !== null || known.position <= position) return reader;
  const apart = new Map(reader.apart);
  for (const model of known.apart.keys()) {
    const isHoldingUp = reachOf(known, model).position <= position;
    if (!apart.has(model) && isHoldingUp) apart.set(model, { position, seen });
  }
  return { position, seen, apart };
}

/** The reader when it has seen what came next, up to a reach; models that have caught up go with all. */
export function advance(
  reader: ChangeCursor,
  { models }: Pick<NextChanges, "models">,
  to: Reach,
): ChangeCursor {
  const [first] = models;
  const isApart = first !== undefined && reader.apart.has(first);
  const moved = isApart ? reader : { ...reader, ...reachAlone(to) };
  const apart = new Map(reader.apart);
  if (isApart) apart.set(first, reachAlone(to));
  for (const [model, reach] of apart) {
    if (isWhole(reach) && isWhole(moved) && reach.position === moved.position) apart.delete(model);
  }
  return { position: moved.position, seen: moved.seen, apart };
}

const reachAlone = ({ position, seen }: Reach): Reach => ({ position, seen });

/** Whether two have come exactly as far. */
export const isEven = (one: ChangeCursor, other: ChangeCursor): boolean =>
  formatCursor(one) === formatCursor(other);

/** A change of a record, or that from here on a model is of another version. */
export type ReadChange = RecordChange | ModelReset;

export type RecordChange = Place &
  Readonly<{
    kind: "record";
    topic: StateTopic;
    id: string;
    /** The record as JSON; null where it is gone. */
    value: string | null;
    /** What platforms see of it; nothing where it is none of theirs. */
    byPlatform: ReadonlyMap<string, string | null>;
  }>;

export type ModelReset = Place &
  Readonly<{ kind: "reset"; generation: number; version: number | null }>;

type Place = Readonly<{
  model: ModelName;
  position: number;
  /** Which of the changes at its position it is, of those of the models that are read together. */
  number: number;
}>;

/** How changes are written down for readers; `id` is what a reader goes on from. */
export type ChangeFrames = Readonly<{
  change: (id: string, change: ShownChange) => string;
  /** `id`: null where it is no change of its own. */
  reset: (id: string | null, reset: ShownReset) => string;
  state: (model: ModelName, state: ShownState) => string;
  /** Nothing but where the reader is. */
  place: (id: string) => string;
  bytes: (text: string) => Uint8Array;
}>;

type ShownChange = Readonly<{
  topic: StateTopic;
  model: ModelName;
  id: string;
  position: number;
  /** JSON; null where it is gone. */
  value: string | null;
}>;

/** All that was told of a model before is to be read anew. */
export type ShownReset = Readonly<{
  model: ModelName;
  position: number;
  /** null: the same as before; subjects that had stopped have gone on. */
  generation: number | null;
  version: number | null;
}>;

/** Whether a model's changes come with those of the others. */
export type ShownState = Readonly<{ state: "behind" | "current"; position: number }>;

/** Of which records a reader wants the changes, and who it is. */
export type ChangeFilter = Readonly<{
  /** null: of all. */
  topics: readonly StateTopic[] | null;
  /** What is not this platform's does not exist for it; null sees everything. */
  platform: string | null;
}>;

/** Readers of one filter: they are told the same, which is written down once for all of them. */
export type Channel = ChangeFilter & { readonly key: string; readers: number };

export const channelKey = ({ topics, platform }: ChangeFilter): string =>
  JSON.stringify([topics?.toSorted() ?? null, platform]);

/** Whether what is said of a model as a whole is for the channel: anomalies are every model's. */
export const concerns = ({ topics }: ChangeFilter, model: ModelName): boolean =>
  topics === null || topics.includes(model) || topics.includes("anomalies");

/** The changes that a channel sees, behind a cursor; each has the id of the cursor after it. */
export function writeChanges(
  filter: ChangeFilter,
  changes: readonly ReadChange[],
  {
    cursor,
    next,
    frames,
  }: Readonly<{ cursor: ChangeCursor; next: NextChanges; frames: ChangeFrames }>,
): string {
  let text = "";
  for (const change of changes) {
    const value = seenBy(filter, change);
    if (value === undefined) continue;
    const { position, number: seen } = change;
    const id = formatCursor(advance(cursor, next, { position, seen }));
    text +=
      change.kind === "reset" ? frames.reset(id, change) : frames.change(id, { ...change, value });
  }
  return text;
}

/** @returns undefined where it is nothing for the channel */
function seenBy(filter: ChangeFilter, change: ReadChange): string | null | undefined {
  const { topics, platform } = filter;
  if (change.kind === "reset") return concerns(filter, change.model) ? null : undefined;
  if (topics !== null && !topics.includes(change.topic)) return undefined;
  return platform === null ? change.value : change.byPlatform.get(platform);
}
