import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import {
  createListener,
  isLoopback,
  type Listener,
  serviceAddress,
  startOrStop,
} from "@counterfoil/http/listener";
import type { FastifyInstance } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { asGatewayProblem } from "./failure.ts";
import { measure } from "./metrics.ts";
import type { Sources } from "./reading.ts";
import { accountRoutes } from "./route/accounts.ts";
import { attentionRoutes } from "./route/attention.ts";
import { balanceRoutes } from "./route/balances.ts";
import { lifecycleRoutes } from "./route/lifecycles.ts";
import { operationRoutes } from "./route/operations.ts";
import { streamRoutes } from "./route/stream.ts";
import { describeRoutes, mountRoutes, type Route } from "./route.ts";

export type GatewayDeps = Omit<Sources, "stopping"> &
  Readonly<{
    logger: Logger;
    registry: Registry;
    /** Mounts what other roles answer on the same port: webhooks, the feed, the console. */
    register?: (app: FastifyInstance) => Promise<void>;
  }>;

/**
 * The HTTP interface: every reading route, operations, and what `register` adds. The caller closes
 * what it reads from.
 *
 * @throws StartupError configuration_invalid where anybody on the network could read
 */
export async function createGateway(deps: GatewayDeps): Promise<Listener> {
  const { config, registry, register } = deps;
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
  mountRoutes(app, routesOf({ ...deps, stopping: stopping.signal }, registry));
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

function routesOf(sources: Sources, registry: Registry): readonly Route[] {
  return [
    ...balanceRoutes(sources),
    ...accountRoutes(sources),
    ...lifecycleRoutes(sources),
    ...attentionRoutes(sources),
    ...streamRoutes(sources),
    ...operationRoutes(sources, registry),
  ];
}
