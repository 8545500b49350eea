import { collectDefaultMetrics, Registry } from "prom-client";

/** A process's metrics, with those of the runtime. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
