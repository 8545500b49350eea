import { type FastifyInstance, fastify } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { z } from "zod";
import type { GatewayDeps, Sources } from "./deps.ts";
import { answerFailures } from "./failure.ts";
import { assertReadableHere, close, closeConnectionsWhileStopping, listen } from "./listening.ts";
import { measure } from "./metrics.ts";
import { describeRoutes } from "./openapi.ts";
import { accountRoutes } from "./route/accounts.ts";
import { anomalyRoutes } from "./route/anomalies.ts";
import { balanceRoutes } from "./route/balances.ts";
import { deliveryRoutes } from "./route/deliveries.ts";
import { lifecycleRoutes } from "./route/lifecycles.ts";
import { operationRoutes } from "./route/operations.ts";
import { runRoutes } from "./route/runs.ts";
import { statusRoutes } from "./route/status.ts";
import { streamRoutes } from "./route/stream.ts";
import { mountRoutes, type Route, route } from "./route.ts";
import { serverOptions } from "./server-option.ts";

export type Gateway = Readonly<{
  app: FastifyInstance;
  /**
   * Binds the address and answers it as a URL.
   *
   * @throws StartupError port_in_use, configuration_invalid
   */
  start: () => Promise<string>;
  /** Takes nothing new and resolves when everything under way is answered, or cut after 5 s. */
  stop: () => Promise<void>;
}>;

/**
 * The HTTP interface: every reading route, operations, and what `register` adds. The
 * caller closes what it reads from.
 *
 * @throws StartupError configuration_invalid where anybody on the network could read
 */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const { config, logger, clock, register } = deps;
  assertReadableHere(config);
  const stopping = new AbortController();
  const app = fastify(serverOptions(config));
  app.setValidatorCompiler(validatorCompiler);
  // Records have their shape from the queries; checking it again for every answer would double its
  // cost and turn an unforeseen value in one row into an error for the whole page.
  app.setSerializerCompiler(() => JSON.stringify);
  answerFailures(app, logger);
  closeConnectionsWhileStopping(app);
  measure(app, deps);
  await describeRoutes(app);
  mountRoutes(app, routesOf({ ...deps, stopping: stopping.signal }, deps));
  await register?.(app);
  app.addHook("preClose", async () => stopping.abort());
  await app.ready();
  return { app, start: () => listen(app, config), stop: () => close(app, clock) };
}

/**
 * Creates the gateway and listens.
 *
 * @throws StartupError configuration_invalid, port_in_use; nothing is left running then
 */
export async function startGateway(deps: GatewayDeps): Promise<Gateway & { address: string }> {
  const gateway = await createGateway(deps);
  try {
    return { ...gateway, address: await gateway.start() };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

function routesOf(sources: Sources, { registry }: GatewayDeps): readonly Route[] {
  return [
    ...balanceRoutes(sources),
    ...accountRoutes(sources),
    ...runRoutes(sources),
    ...lifecycleRoutes(sources),
    ...anomalyRoutes(sources),
    ...streamRoutes(sources),
    ...deliveryRoutes(sources),
    ...statusRoutes(sources),
    ...operationRoutes(sources, registry),
    openApiRoute,
  ];
}

const openApiRoute: Route = route({
  url: "/openapi.json",
  tag: "operations",
  summary: "This interface as an OpenAPI document",
  query: z.object({}),
  answer: z.looseObject({ openapi: z.string() }),
  handle: async (_request, reply) => reply.server.swagger(),
});
