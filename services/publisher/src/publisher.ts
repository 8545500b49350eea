import type { Backends } from "@counterfoil/adapters/connect";
import type { Topics } from "@counterfoil/processing/ports/topic-publisher";
import type { TransactionLimits } from "@counterfoil/processing/publish/context";
import type { Logger } from "pino";
import { publishLedger } from "./publish-ledger.ts";
import type { PublisherEvent } from "./publisher-event.ts";

export type PublisherDeps = Readonly<{
  backends: Pick<Backends, "ledger" | "stream" | "catalogue" | "locks" | "clock">;
  topics: Topics;
  logger: Logger;
  limits?: TransactionLimits;
  /** Told of every change of state and of every commit. */
  report?: (event: PublisherEvent) => void;
}>;

export type Publisher = Readonly<{
  /** Ends the transaction that is under way, lets go of the lock, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Publishes a ledger to its topics. A second one waits for the lock; what is wrong with the broker
 * keeps nobody else from working.
 */
export function startPublisher(deps: PublisherDeps): Publisher {
  const { backends, report = () => {}, ...options } = deps;
  const stopping = new AbortController();
  const running = publishLedger({ ...backends, ...options, report }, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
