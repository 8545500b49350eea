import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import {
  createListener,
  isLoopback,
  type Listener,
  serviceAddress,
  startOrStop,
} from "@counterfoil/http/listener";
import { validatorCompiler } from "fastify-type-provider-zod";
import { z } from "zod";
import type { GatewayDeps, Sources } from "./deps.ts";
import { asGatewayProblem } from "./failure.ts";
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

/**
 * The HTTP interface: every reading route, operations, and what `register` adds. The caller closes
 * what it reads from.
 *
 * @throws StartupError configuration_invalid where anybody on the network could read
 */
export async function createGateway(deps: GatewayDeps): Promise<Listener> {
  const { config, register } = deps;
  assertReadableHere(config);
  const stopping = new AbortController();
  const address = serviceAddress(config);
  const listener = createListener({ ...deps, address, asProblem: asGatewayProblem });
  const { app } = listener;
  app.setValidatorCompiler(validatorCompiler);
  // Records have their shape from the queries; checking it again for every answer would double its
  // cost and turn an unforeseen value in one row into an error for the whole page.
  app.setSerializerCompiler(() => JSON.stringify);
  measure(app, deps);
  await describeRoutes(app);
  mountRoutes(app, routesOf({ ...deps, stopping: stopping.signal }, deps));
  await register?.(app);
  app.addHook("preClose", async () => stopping.abort());
  await app.ready();
  return listener;
}

/**
 * Creates the gateway and listens.
 *
 * @throws StartupError configuration_invalid, port_in_use; nothing is left running then
 */
export async function startGateway(deps: GatewayDeps): Promise<Listener & { address: string }> {
  const gateway = await createGateway(deps);
  return { ...gateway, address: await startOrStop(gateway) };
}

type Reachable = Pick<Config, "COUNTERFOIL_HTTP_HOST" | "COUNTERFOIL_ALLOW_UNAUTHENTICATED">;

/**
 * Whoever reaches the reading routes reads every customer's money.
 *
 * @throws StartupError configuration_invalid
 */
function assertReadableHere(config: Reachable): void {
  const { COUNTERFOIL_HTTP_HOST: host } = config;
  if (config.COUNTERFOIL_ALLOW_UNAUTHENTICATED || isLoopback(host)) return;
  throw new StartupError(
    "configuration_invalid",
    `COUNTERFOIL_HTTP_HOST is ${host}, and the reading routes ask nobody who they are: listen on 127.0.0.1, or set COUNTERFOIL_ALLOW_UNAUTHENTICATED=true where something else keeps strangers out`,
  );
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
