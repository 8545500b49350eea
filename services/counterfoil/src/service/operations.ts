import { systemClock } from "@counterfoil/adapters/node/clock";
import type { Config } from "@counterfoil/contracts/config";
import { answerFailures } from "@counterfoil/gateway/failure";
import { close, closeConnectionsWhileStopping, listen } from "@counterfoil/gateway/listening";
import { serverOptions } from "@counterfoil/gateway/server-option";
import { fastify } from "fastify";
import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Closing } from "./service.ts";

type OperationsDeps = Readonly<{ config: Config; registry: Registry; logger: Logger }>;

/**
 * Health and metrics of a role that answers nobody else. Nothing here is about a customer, so it
 * may listen anywhere.
 *
 * @returns its address
 */
export async function startOperationsListener(
  { config, registry, logger }: OperationsDeps,
  closing: Closing,
): Promise<string> {
  const app = fastify(serverOptions(config));
  answerFailures(app, logger);
  closeConnectionsWhileStopping(app);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => ({ status: "ready" }));
  app.get("/metrics", async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  closing.add(() => close(app, systemClock));
  return listen(app, config);
}

/** A process's metrics, with those of the runtime. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
