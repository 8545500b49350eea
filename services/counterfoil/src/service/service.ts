import type { Backends } from "@counterfoil/adapters/connect";
import { droppedLines } from "@counterfoil/adapters/log";
import { systemClock } from "@counterfoil/adapters/node/runtime";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import { guard } from "@counterfoil/gateway/access";
import {
  type EarlyServer,
  type ListenerAddress,
  serviceAddress,
} from "@counterfoil/http/early-server";
import { createListener, openEarlyServer } from "@counterfoil/http/listener";
import { type Guard, mountOperations, type Readiness } from "@counterfoil/http/operations";
import { followKeys } from "@counterfoil/processing/access/keys";
import type { Logger } from "pino";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { VERSION } from "../program.ts";

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

/**
 * Opens the role's port: from now on the role is alive for probes, whatever it still waits for.
 *
 * @throws StartupError port_in_use, configuration_invalid
 */
export async function openRoleServer(
  { config, logger }: Pick<RoleOptions, "config" | "logger">,
  closing: Closing,
  address: ListenerAddress = serviceAddress(config),
): Promise<EarlyServer> {
  const earlyServer = await openEarlyServer({ config, logger, address, clock: systemClock });
  closing.add(earlyServer.close);
  logger.info({ address: await earlyServer.open() }, "starting");
  return earlyServer;
}

type OperationsDeps = Readonly<{
  config: Config;
  registry: Registry;
  logger: Logger;
  readiness: Readiness;
  earlyServer: EarlyServer;
  backends: GuardSources;
}>;

/**
 * Serves health and metrics of a role without other routes.
 *
 * @returns the listener's address
 */
export async function startOperationsListener(
  { config, registry, logger, readiness, earlyServer, backends }: OperationsDeps,
  closing: Closing,
): Promise<string> {
  const address = serviceAddress(config);
  const listener = createListener({
    config,
    address,
    clock: systemClock,
    logger,
    earlyServer,
    readiness,
  });
  guardOf(config, backends)(listener.app);
  mountOperations(listener.app, registry, readiness);
  closing.add(listener.stop);
  return listener.start();
}

type GuardSources = Pick<Backends, "stream" | "keys" | "clock" | "hashing">;

/** The gateway's guard for a listener with metrics and no reading routes: beyond loopback they need a key. */
export function guardOf(config: Config, backends: GuardSources): Guard {
  const directory = followKeys(backends);
  return (app) => guard(app, { config, ...backends, directory });
}

/** Creates the registry of a process, with the metrics of the runtime and of the log. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "counterfoil_build_info",
    help: "1 for the version of the program",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version: VERSION }, 1);
  new Counter({
    name: "counterfoil_log_lines_dropped_total",
    help: "Lines of the log that could not be written, because a pipe or a disk was full",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLines());
    },
  });
  return registry;
}
