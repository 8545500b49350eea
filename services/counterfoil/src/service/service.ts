import { constants } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Logger } from "pino";

export type Service = Readonly<{
  /** From now on it is not ready for anything new; it goes on with all that comes. */
  drain: () => void;
  stop: () => Promise<void>;
}>;

export type RoleOptions = Readonly<{
  config: Config;
  logger: Logger;
  /** Of a projector. */
  models: readonly ModelName[];
  /** Aborts when the process is asked to stop before the role has started. */
  signal: AbortSignal;
}>;

/** @returns null where it was asked to stop while it waited */
export type StartRole = (options: RoleOptions) => Promise<Service | null>;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** A terminal and a package manager may both pass on one and the same key press. */
const SAME_PRESS_MS = 200;

/**
 * Runs a service until SIGINT or SIGTERM, then drains and stops it in due form; a second signal ends the
 * process at once, as a person who presses again means it.
 *
 * @param start may answer null where the signal came first
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Service | null>,
  { logger, drainMs }: Readonly<{ logger: Logger; drainMs: number }>,
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
    service.drain();
    // Whoever balances has to notice first: a connection that it makes later would be refused.
    await wait(drainMs);
    await service.stop();
    logger.info("stopped");
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

export type Closing = Readonly<{
  /** To be called when the step that it undoes has been taken. */
  add: (step: () => Promise<void>) => void;
  close: () => Promise<void>;
}>;

/** What was opened, to be closed in the opposite order, whether the start succeeded or not. */
export function createClosing(): Closing {
  const steps: (() => Promise<void>)[] = [];
  return {
    add(step) {
      steps.push(step);
    },
    /** One that fails does not keep the others open. */
    async close() {
      const errors: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        await step().catch((error: unknown) => errors.push(error));
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Runs a start; what it opened before it failed, or answered null, is closed. */
export async function startOrClose<T>(
  start: (closing: Closing) => Promise<T | null>,
): Promise<(T & Readonly<{ stop: () => Promise<void> }>) | null> {
  const closing = createClosing();
  try {
    const started = await start(closing);
    if (started !== null) return { ...started, stop: closing.close };
    await closing.close();
    return null;
  } catch (error) {
    await closing.close().catch(() => undefined);
    throw error;
  }
}
