import type { ModelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";
import { advance, type ChangeCursor, formatCursor, type NextChanges } from "./cursor.ts";

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

/** Equal for filters that send the same changes. */
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
