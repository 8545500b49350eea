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
  /** Called with every change of state and every commit. */
  report?: (event: PublisherEvent) => void;
}>;

export type Publisher = Readonly<{
  /** Ends the open transaction, releases the lock, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Publishes a ledger to its topics. A second publisher waits for the lock. A broker that fails
 * stops the publisher and nothing else.
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
