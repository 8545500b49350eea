import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Logger } from "pino";
import { codeOf, SAME_PRESS_MS, SIGNALS, type Signal } from "./signals.ts";

export type Service = Readonly<{
  /** Reports not ready from now on, but still answers all requests. */
  drain: () => void;
  stop: () => Promise<void>;
}>;

export type RoleOptions = Readonly<{
  config: Config;
  logger: Logger;
  /** The models of a projector. */
  models: readonly ModelName[];
  /** Aborts when the process is asked to stop before the role has started. */
  signal: AbortSignal;
}>;

/** @returns null if it was asked to stop while it waited */
export type StartRole = (options: RoleOptions) => Promise<Service | null>;

/**
 * Runs a service until SIGINT or SIGTERM, then drains and stops it; a second signal ends the process at
 * once.
 *
 * @param start may return null if the signal came first
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Service | null>,
  { logger, drainMs }: Readonly<{ logger: Logger; drainMs: number }>,
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
    await service.stop();
    logger.info("stopped");
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

export type Closing = Readonly<{
  /** To be called after the step that `step` undoes. */
  add: (step: () => Promise<void>) => void;
  close: () => Promise<void>;
}>;

/** Collects closing steps, which run in the opposite order, whether the start succeeded or not. */
export function createClosing(): Closing {
  const steps: (() => Promise<void>)[] = [];
  return {
    add(step) {
      steps.push(step);
    },
    /** A step that fails does not prevent the others; the first error is thrown. */
    async close() {
      const errors: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        await step().catch((error: unknown) => errors.push(error));
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Runs a start, and closes what it opened if it fails or returns null. */
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
