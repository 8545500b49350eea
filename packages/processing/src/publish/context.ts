import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { Readers } from "../queries/readers.ts";
import type { ActivationLog } from "./activation-log.ts";

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
