import type { ModelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";

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
