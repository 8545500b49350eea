import type { ModelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";
import { advance, type ChangeCursor, formatCursor, type NextChanges } from "./cursor.ts";
import type { ReadChange } from "./read.ts";

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

export type ShownChange = Readonly<{
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
