import type { Activations } from "../generations/activations.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
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
  activations: Activations;
  limits: TransactionLimits;
}>;

/** What a step has published, and up to which position of the stream. */
export type Published = Readonly<{ position: number; messages: number; facts: number }>;
