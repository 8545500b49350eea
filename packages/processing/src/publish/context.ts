import type { DataOf, ModelName } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Activation } from "../generations.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { readAll } from "../queries/read-all.ts";
import type { Readers } from "../queries/serving.ts";

/** How large a transaction grows before the next one begins. */
export type TransactionLimits = Readonly<{
  /** Events, or states, or change rows of one table. */
  count: number;
  /** As near as they are known before it is written. */
  bytes: number;
}>;

/** What the steps of an open publisher read from. */
export type PublishContext = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  readers: Readers;
  log: ActivationLog;
  limits: TransactionLimits;
}>;

/** What a step has published, and up to which position of the stream. */
export type Published = Readonly<{ position: number; messages: number; facts: number }>;

/** Which generation of each model is live from which position on, as far as the stream has been read. */
interface ActivationLog {
  /** Reads what has been appended since. */
  refresh(): Promise<void>;
  /** The generation that is live at a position. */
  liveAt(model: ModelName, position: number): Activation;
  /** The activations of the model after a position, in order. */
  after(model: ModelName, position: number): readonly Activation[];
}

/** Generation 1 is live without an activation. */
const FIRST: Activation = { generation: 1, position: 0 };

export function createActivationLog(stream: EventStream): ActivationLog {
  const known = new Map<ModelName, Activation[]>();
  let seen = 0;
  return {
    async refresh() {
      for await (const event of readAll(stream, ["ModelActivated"], seen)) {
        const { model, generation } = readData(event) as DataOf<"ModelActivated">;
        const { position } = event;
        known.set(model, [...(known.get(model) ?? []), { generation, position }]);
        seen = position;
      }
    },
    liveAt: (model, position) =>
      known.get(model)?.findLast((activation) => activation.position <= position) ?? FIRST,
    after: (model, position) =>
      (known.get(model) ?? []).filter((activation) => activation.position > position),
  };
}
