import type { DataOf, ModelName } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { readAll } from "./read-all.ts";

/** That a generation is live from a position on. */
export type Activation = Readonly<{
  generation: number;
  position: number;
  /** null: nobody said so; generation 1 is live without a word. */
  modelVersion: number | null;
}>;

const FIRST: Activation = { generation: 1, position: 0, modelVersion: null };

export interface Activations {
  /** Every activation of the model, the latest first; at the end stands generation 1. */
  latestFirst(model: ModelName): Promise<readonly Activation[]>;
}

/** Follows the `ModelActivated` of a stream, on demand. */
export function followActivations(stream: EventStream): Activations {
  const known = new Map<ModelName, readonly Activation[]>();
  let seen: number | null = null;
  let refreshing: Promise<void> | null = null;

  async function refresh(): Promise<void> {
    for await (const event of readAll(stream, ["ModelActivated"], seen ?? 0)) {
      const { position } = event;
      const { model, generation, model_version } = readData(event) as DataOf<"ModelActivated">;
      const activation = { generation, position, modelVersion: model_version };
      known.set(model, [activation, ...(known.get(model) ?? [])]);
      seen = position;
    }
    seen ??= 0;
  }

  async function refreshOnce(): Promise<void> {
    refreshing ??= refresh().finally(() => {
      refreshing = null;
    });
    try {
      await refreshing;
    } catch (error) {
      // What was live stays so while the stream cannot be asked: readers need not notice.
      if (!(error instanceof StreamUnavailable) || seen === null) throw error;
    }
  }

  return {
    latestFirst: async (model) => {
      await refreshOnce();
      return [...(known.get(model) ?? []), FIRST];
    },
  };
}
