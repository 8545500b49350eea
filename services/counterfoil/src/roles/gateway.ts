import type { Backends } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { type GatewayDeps, startGateway } from "@counterfoil/gateway/gateway";
import { isLoopback } from "@counterfoil/http/listener";
import { readKeys } from "@counterfoil/processing/access/keys";
import { serveModels } from "@counterfoil/processing/queries/serving";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { openWhenThere } from "../service/open-ledger.ts";
import { createRegistry } from "../service/operations.ts";
import { type Closing, type RoleOptions, type Service, startOrClose } from "../service/service.ts";
import { createRebuildThreads } from "../threads/rebuilds.ts";

/** Answers readers, and nothing else. Any number of them may run on one ledger. */
export async function startGatewayRole({
  config,
  logger,
  signal,
}: RoleOptions): Promise<Service | null> {
  const backends = await openWhenThere({ config, access: "read", logger, signal });
  if (backends === null) return null;
  return startOrClose(async (closing) => {
    closing.add(backends.close);
    const registry = createRegistry();
    const address = await startReading({ config, backends, logger, registry }, closing);
    logger.info({ ledger: backends.ledger, address }, "ready");
    return {};
  });
}

type ReadingDeps = Readonly<{
  config: Config;
  backends: Backends;
  logger: Logger;
  registry: Registry;
  register?: NonNullable<GatewayDeps["register"]>;
  readers?: NonNullable<GatewayDeps["readers"]>;
}>;

/** The HTTP interface with what it reads from. @returns its address */
export async function startReading(deps: ReadingDeps, closing: Closing): Promise<string> {
  const { backends } = deps;
  const rebuilds = createRebuildThreads(deps);
  closing.add(rebuilds.stop);
  const models = serveModels(backends);
  closing.add(models.close);
  const { engine, stream, clock, locks, keys } = backends;
  const sources = { engine, stream, clock, locks, keys, models, rebuilds };
  const gateway = await startGateway({ ...deps, ...sources });
  closing.add(gateway.stop);
  await warnWithoutKeys(deps);
  return gateway.address;
}

/** Legal, and hardly meant: it listens beyond this machine, and answers nobody there. */
async function warnWithoutKeys({ config, backends, logger }: ReadingDeps): Promise<void> {
  const { COUNTERFOIL_HTTP_HOST: host, COUNTERFOIL_ALLOW_UNAUTHENTICATED: isOpen } = config;
  if (isLoopback(host) || isOpen) return;
  const keys = await readKeys(backends.stream).catch(() => null);
  if (keys?.size !== 0) return;
  logger.warn(
    "there is no API key yet, so readers beyond this machine are refused: `counterfoil keys create` makes one",
  );
}
