import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";

/**
 * How far the changes of some models were read: all changes up to a position, or all changes before
 * it and the first `seen` changes at it.
 */
export type ReadPosition = Readonly<{
  position: number;
  /** null: all changes at the position. */
  seen: number | null;
}>;

/**
 * How far a reader has read the changes. All models share one position, so that their changes come in
 * stream order. A lagging model has its own position until it has caught up, so that it does not
 * delay the others.
 */
export type ChangeCursor = ReadPosition &
  Readonly<{ lagging: ReadonlyMap<ModelName, ReadPosition> }>;

export const cursorAt = (position: number): ChangeCursor => ({
  position,
  seen: null,
  lagging: new Map(),
});

/** `120`, `120.3`, or with lagging models `120.3~withdrawals.97.1`. No character needs escaping in a URL. */
export function formatCursor({ lagging, ...readPosition }: ChangeCursor): string {
  const others = [...lagging].map(([model, each]) => `~${model}.${formatReadPosition(each)}`);
  return `${formatReadPosition(readPosition)}${others.join("")}`;
}

const formatReadPosition = ({ position, seen }: ReadPosition): string =>
  seen === null ? String(position) : `${position}.${seen}`;

/** @returns null if the text is not a cursor */
export function parseCursor(text: string): ChangeCursor | null {
  const [shared = "", ...others] = text.split("~");
  const readPosition = parseReadPosition(shared);
  const lagging = new Map<ModelName, ReadPosition>();
  for (const other of others) {
    const at = other.indexOf(".");
    const { data: model } = modelName.safeParse(other.slice(0, Math.max(at, 0)));
    const each = parseReadPosition(other.slice(at + 1));
    if (model === undefined || each === null || lagging.has(model)) return null;
    if (!MODELS.includes(model)) return null;
    lagging.set(model, each);
  }
  return readPosition && { ...readPosition, lagging };
}

export const MODELS: readonly ModelName[] = modelName.options;

function parseReadPosition(text: string): ReadPosition | null {
  const [, position, seen] = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (position === undefined) return null;
  return { position: Number(position), seen: seen === undefined ? null : Number(seen) };
}

/** The range to read next: changes of these models after `from`, up to a position. */
export type NextChanges = Readonly<{
  models: readonly ModelName[];
  from: ReadPosition;
  upTo: number;
}>;

/** The position up to which the changes of a model can be read. */
const knownPosition = (known: ChangeCursor, model: ModelName): ReadPosition =>
  known.lagging.get(model) ?? known;

export const isComplete = ({ seen }: ReadPosition): boolean => seen === null;

/**
 * The range that a reader reads next.
 *
 * @param known how far each model can be read; all positions are complete
 * @returns null if the reader has read everything known
 */
export function nextChanges(reader: ChangeCursor, known: ChangeCursor): NextChanges | null {
  const shared = MODELS.filter((model) => !reader.lagging.has(model));
  const knownOf = (model: ModelName) => knownPosition(known, model).position;
  const end = Math.min(...shared.map(knownOf));
  const from = { position: reader.position, seen: reader.seen };
  if (reader.seen !== null) {
    const isKnown = end >= reader.position;
    return isKnown ? { models: shared, from, upTo: reader.position } : null;
  }
  for (const [model, readPosition] of reader.lagging) {
    const upTo = Math.min(reader.position, knownOf(model));
    const isBehind = isComplete(readPosition)
      ? readPosition.position < upTo
      : readPosition.position <= upTo;
    if (isBehind) return { models: [model], from: readPosition, upTo };
  }
  return end > reader.position ? { models: shared, from, upTo: end } : null;
}

/** Marks the models that delay the reader as lagging, if other models can be read further. */
export function separateLagging(reader: ChangeCursor, known: ChangeCursor): ChangeCursor {
  const { position, seen } = reader;
  if (seen !== null || known.position <= position) return reader;
  const lagging = new Map(reader.lagging);
  for (const model of known.lagging.keys()) {
    const isDelaying = knownPosition(known, model).position <= position;
    if (!lagging.has(model) && isDelaying) lagging.set(model, { position, seen });
  }
  return { position, seen, lagging };
}

/** The reader's cursor after it has read the next range up to `to`. Models that caught up stop lagging. */
export function advance(
  reader: ChangeCursor,
  { models }: Pick<NextChanges, "models">,
  to: ReadPosition,
): ChangeCursor {
  const [first] = models;
  const isLagging = first !== undefined && reader.lagging.has(first);
  const moved = isLagging ? reader : { ...reader, ...positionAlone(to) };
  const lagging = new Map(reader.lagging);
  if (isLagging) lagging.set(first, positionAlone(to));
  for (const [model, readPosition] of lagging) {
    if (isComplete(readPosition) && isComplete(moved) && readPosition.position === moved.position)
      lagging.delete(model);
  }
  return { position: moved.position, seen: moved.seen, lagging };
}

const positionAlone = ({ position, seen }: ReadPosition): ReadPosition => ({ position, seen });

/** Whether two cursors are the same. */
export const isSamePosition = (one: ChangeCursor, other: ChangeCursor): boolean =>
  formatCursor(one) === formatCursor(other);

/** A change of a record, or the start of another version of a model. */
export type ReadChange = RecordChange | ModelReset;

export type RecordChange = ChangePosition &
  Readonly<{
    kind: "record";
    topic: StateTopic;
    id: string;
    /** The record as JSON; null if it was removed. */
    value: string | null;
    /** The record as each platform sees it; no entry for a platform that it never belonged to. */
    byPlatform: ReadonlyMap<string, string | null>;
  }>;

export type ModelReset = ChangePosition &
  Readonly<{ kind: "reset"; generation: number; version: number | null }>;

type ChangePosition = Readonly<{
  model: ModelName;
  position: number;
  /** The change's number among those at its position, counted over the models read together. */
  number: number;
}>;

/** Formats changes for readers; a reader resumes after `id`. */
export type ChangeFrames = Readonly<{
  change: (id: string, change: ShownChange) => string;
  /** `id`: null if the reset has no position of its own among the changes. */
  reset: (id: string | null, reset: ShownReset) => string;
  state: (model: ModelName, state: ShownState) => string;
  /** Only the reader's cursor, without a change. */
  place: (id: string) => string;
  bytes: (text: string) => Uint8Array;
}>;

type ShownChange = Readonly<{
  topic: StateTopic;
  model: ModelName;
  id: string;
  position: number;
  /** JSON; null if it was removed. */
  value: string | null;
}>;

/** Everything sent of a model before is outdated; the reader has to read the model again. */
export type ShownReset = Readonly<{
  model: ModelName;
  position: number;
  /** null: the generation is the same, and stopped subjects were resumed. */
  generation: number | null;
  version: number | null;
}>;

/** Whether a model is lagging behind the others. */
export type ShownState = Readonly<{ state: "behind" | "current"; position: number }>;

/** The changes that a reader is sent. */
export type ChangeFilter = Readonly<{
  /** null: all topics. */
  topics: readonly StateTopic[] | null;
  /** Only records of this platform; null: all records. */
  platform: string | null;
}>;

/** Readers with the same filter. Their changes are formatted once for all of them. */
export type Channel = ChangeFilter & { readonly key: string; readers: number };

export const channelKey = ({ topics, platform }: ChangeFilter): string =>
  JSON.stringify([topics?.toSorted() ?? null, platform]);

/** Whether a state or reset of a model is sent to the channel. Every model has anomalies. */
export const includesModel = ({ topics }: ChangeFilter, model: ModelName): boolean =>
  topics === null || topics.includes(model) || topics.includes("anomalies");

/** Formats the changes after a cursor that a channel is sent, each with the cursor after it as its id. */
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
    const value = valueFor(filter, change);
    if (value === undefined) continue;
    const { position, number: seen } = change;
    const id = formatCursor(advance(cursor, next, { position, seen }));
    text +=
      change.kind === "reset" ? frames.reset(id, change) : frames.change(id, { ...change, value });
  }
  return text;
}

/** @returns undefined if the channel is not sent the change */
function valueFor(filter: ChangeFilter, change: ReadChange): string | null | undefined {
  const { topics, platform } = filter;
  if (change.kind === "reset") return includesModel(filter, change.model) ? null : undefined;
  if (topics !== null && !topics.includes(change.topic)) return undefined;
  return platform === null ? change.value : change.byPlatform.get(platform);
}
