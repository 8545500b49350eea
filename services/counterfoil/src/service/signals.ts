import { constants } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import type { Service } from "./service.ts";

/**
 * What a signal does to a role that runs, and where nothing else listens for it. It is loaded before the
 * program, so it must import nothing of it but types: the other modules take half a second, and a signal
 * may come meanwhile.
 */

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
type Signal = (typeof SIGNALS)[number];

/** A terminal and a package manager may both forward the same key press. */
const SAME_PRESS_MS = 200;

/** The shell's code of a process that a signal has ended. */
const codeOf = (signal: Signal): number => 128 + constants.signals[signal];

const ROLES: ReadonlySet<string | undefined> = new Set([
  ...["start", "ingestor", "projector", "publisher", "gateway"],
]);

/**
 * Ends the process at a signal for which no other listener is there: before work begins, or after it
 * is done. A role has been stopped (0), a command was stopped (1). A second signal ends either at once.
 */
export function endOnSignals(command: string | undefined): void {
  let firstAtMs: number | null = null;
  const onSignal = (name: Signal) => {
    const sinceMs = firstAtMs === null ? null : performance.now() - firstAtMs;
    firstAtMs ??= performance.now();
    if (process.listenerCount(name) > 1) return;
    if (sinceMs !== null) {
      if (sinceMs > SAME_PRESS_MS) process.exit(codeOf(name));
      return;
    }
    if (ROLES.has(command)) process.exit(0);
    process.stderr.write("error: stopped\n  stopped before it was finished\n");
    process.exit(1);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  release = () => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
}

let release = () => {};

/**
 * Leaves signals to the system, before work that occupies this thread for long: a listener would not
 * run until the work is done.
 */
export const leaveSignalsToSystem = (): void => release();

/**
 * Runs a service until SIGINT or SIGTERM, then drains and stops it; a second signal ends the process at
 * once, and so does a stop that takes longer than `stopMs`.
 *
 * @param start may return null if the signal came first
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Service | null>,
  { logger, drainMs, stopMs }: Readonly<{ logger: Logger; drainMs: number; stopMs: number }>,
): Promise<void> {
  const stopping = new AbortController();
  const { promise: signalled, resolve } = Promise.withResolvers<void>();
  let signalledAtMs = 0;
  const onSignal = (name: Signal) => {
    if (stopping.signal.aborted) {
      if (performance.now() - signalledAtMs > SAME_PRESS_MS) process.exit(codeOf(name));
      return;
    }
    signalledAtMs = performance.now();
    logger.info({ signal: name }, "stopping; a second signal ends at once");
    stopping.abort();
    resolve();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const service = await start(stopping.signal);
    if (service === null) return;
    await signalled;
    service.drain();
    // A load balancer has to notice first: connections that it opens later would be refused.
    await wait(drainMs);
    const isStopped = service.stop().then(() => true);
    if (await Promise.race([isStopped, wait(stopMs, false, { ref: false })])) {
      logger.info("stopped");
      return;
    }
    logger.warn("stopped before all that was received was recorded: none of it was acknowledged");
    process.exit(0);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
