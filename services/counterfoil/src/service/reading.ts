import type { Backends } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { type GatewayDeps, startGateway } from "@counterfoil/gateway/gateway";
import { serveModels } from "@counterfoil/processing/queries/serving";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { createRebuildThreads } from "../threads/rebuild-threads.ts";
import type { Closing } from "./closing.ts";

export type ReadingDeps = Readonly<{
  config: Config;
  backends: Backends;
  logger: Logger;
  registry: Registry;
  register?: NonNullable<GatewayDeps["register"]>;
}>;

/** The HTTP interface with what it reads from. @returns its address */
export async function startReading(deps: ReadingDeps, closing: Closing): Promise<string> {
  const { backends } = deps;
  const rebuilds = createRebuildThreads(deps);
  closing.add(rebuilds.stop);
  const models = serveModels(backends);
  closing.add(models.close);
  const { engine, stream, clock, locks } = backends;
  const gateway = await startGateway({ ...deps, engine, stream, clock, locks, models, rebuilds });
  closing.add(gateway.stop);
  return gateway.address;
}
