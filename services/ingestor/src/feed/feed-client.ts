import { errorReport } from "../error-report.ts";
import { createBackoff } from "./backoff.ts";
import { type ConnectionDeps, followConnection } from "./feed-connection.ts";

export type FeedClient = Readonly<{
  /** Closes the connection and resolves when its end is recorded, or cannot be. */
  stop: () => Promise<void>;
}>;

/**
 * Follows the Zero Hash Balances Feed for ever, one connection after the other. What one received
 * is durable before the next is made; between them it waits up to 0.5 s at first, up to 30 s after
 * failures in a row. A snapshot ends the row.
 */
export function startFeedClient(deps: ConnectionDeps): FeedClient {
  const stopping = new AbortController();
  const running = followForEver(deps, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function followForEver(deps: ConnectionDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, random } = deps;
  const backoff = createBackoff({ delayMsMin: 500, delayMsMax: 30_000, random });
  let continues: string | undefined;
  while (!signal.aborted) {
    try {
      const options = { continues, signal, onSubscribed: backoff.reset };
      continues = (await followConnection(deps, options)) ?? continues;
    } catch (error) {
      logger.error(errorReport(error), "feed connection failed");
    }
    await clock.sleep(backoff.nextMs(), signal);
  }
}
