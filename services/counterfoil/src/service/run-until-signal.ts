import { constants } from "node:os";
import type { Logger } from "pino";

export type Service = Readonly<{ stop: () => Promise<void> }>;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** A terminal and a package manager may both pass on one and the same key press. */
const SAME_PRESS_MS = 200;

/**
 * Runs a service until SIGINT or SIGTERM, then stops it in due form; a second signal ends the
 * process at once, as a person who presses again means it.
 *
 * @param start may answer null where the signal came first
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Service | null>,
  logger: Logger,
): Promise<void> {
  const stopping = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  let askedAtMs = 0;
  const onSignal = (name: (typeof SIGNALS)[number]) => {
    if (stopping.signal.aborted) {
      if (performance.now() - askedAtMs > SAME_PRESS_MS)
        process.exit(128 + constants.signals[name]);
      return;
    }
    askedAtMs = performance.now();
    logger.info({ signal: name }, "stopping; a second signal ends at once");
    stopping.abort();
    resolve();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const service = await start(stopping.signal);
    if (service === null) return;
    await asked;
    await service.stop();
    logger.info("stopped");
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
