import { type Backends, connect } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { prepareConsole } from "@counterfoil/gateway/console";
import { type GatewayDeps, startGateway } from "@counterfoil/gateway/gateway";
import type { OperatorActions } from "@counterfoil/gateway/route/attention";
import { assertReadable } from "@counterfoil/gateway/route/operations";
import { type EarlyServer, isLoopback } from "@counterfoil/http/early-server";
import { createReadiness, type Readiness } from "@counterfoil/http/operations";
import { isLost, readKeys } from "@counterfoil/processing/access/keys";
import { SHARED_PAGE } from "@counterfoil/processing/audit/audit-index";
import { createHeads } from "@counterfoil/processing/audit/heads";
import {
  acknowledgeAnomaly,
  dismissQuarantined,
  retryForOperator,
} from "@counterfoil/processing/operator";
import { readPublished } from "@counterfoil/processing/publish/subject-counts";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { createAppendTrial } from "@counterfoil/processing/queries/append-trial";
import { type ServedModels, serveModels } from "@counterfoil/processing/queries/serving";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { reportHeadKey } from "../service/heads.ts";
import { openWhenCreated, withBackends } from "../service/open-ledger.ts";
import {
  type Closing,
  createRegistry,
  openRoleServer,
  type RoleOptions,
  type Service,
  startOrClose,
} from "../service/service.ts";
import { READING } from "../threads/reading.ts";
import { createRebuildThreads } from "../threads/rebuilds.ts";

/** Runs a gateway alone. Any number of them may run on one ledger. */
export async function startGatewayRole({
  config,
  logger,
  signal,
}: RoleOptions): Promise<Service | null> {
  return startOrClose(async (closing) => {
    const earlyServer = await openRoleServer({ config, logger }, closing);
    const pages = prepareConsole(logger);
    closing.add(async () => pages.stop());
    const backends = await openWhenCreated({ config, access: "read", logger, signal });
    if (backends === null) return null;
    closing.add(backends.close);
    const registry = createRegistry();
    const reading = await startReading(
      { config, backends, logger, registry, earlyServer, pages },
      closing,
    );
    logger.info({ ledger: backends.ledger, address: reading.address }, "ready");
    return { drain: reading.drain };
  });
}

type ReadingDeps = Readonly<{
  config: Config;
  backends: Backends;
  logger: Logger;
  registry: Registry;
  register?: NonNullable<GatewayDeps["register"]>;
  readers?: NonNullable<GatewayDeps["readers"]>;
  /** Known to a process that takes webhooks; any other tries it. */
  areAppendsRefused?: () => Promise<boolean>;
  earlyServer: EarlyServer;
  pages: NonNullable<GatewayDeps["pages"]>;
  /** By default: whether the stream and every model can be read. */
  readiness?: Readiness;
}>;

type Reading = Readonly<{ address: string; drain: () => void }>;

/** Starts the gateway with the sources that it reads. */
export async function startReading(deps: ReadingDeps, closing: Closing): Promise<Reading> {
  const { backends } = deps;
  const rebuilds = createRebuildThreads(deps);
  closing.add(rebuilds.stop);
  const models = serveModels(backends);
  closing.add(models.close);
  const { engine, stream, clock, locks, keys, catalogue, signer } = backends;
  const published = () => readPublished(catalogue);
  const operatorActions = createOperatorActions(deps.config, models);
  const heads = createHeads({ ...backends, page: SHARED_PAGE });
  const readers = { engine, stream, clock, locks, keys, models, catalogue };
  const headKey = signer.existingKey;
  const areAppendsRefused = deps.areAppendsRefused ?? createAppendTrial(backends);
  const operated = { rebuilds, published, operatorActions, heads, headKey, areAppendsRefused };
  const sources = { ...readers, ...operated };
  const readiness = deps.readiness ?? createReadiness(() => assertReadable(sources), clock);
  const gateway = await startGateway({ ...deps, ...sources, readiness });
  closing.add(gateway.stop);
  reportHeadKey(signer, deps.logger);
  await warnOfKeys(deps);
  return { address: gateway.address, drain: readiness.drain };
}

/** Warns of keys without a stored digest, and of listening beyond loopback without a key. */
async function warnOfKeys({ config, backends, logger }: ReadingDeps): Promise<void> {
  const { stream, keys: store, clock } = backends;
  const keys = await readKeys(stream).catch(() => null);
  const digests = await store.digests().catch(() => null);
  if (keys === null || digests === null) return;
  const lost = [...keys.values()].filter((key) => isLost(key, { digests, now: clock.now() }));
  if (lost.length > 0) {
    logger.warn(
      { keys: lost.length, first: lost[0]?.id },
      "API keys open nothing: the digests of their secrets are not kept here, as where a stream was restored alone; `counterfoil keys rotate` puts new keys in their place",
    );
  }
  const { COUNTERFOIL_HTTP_HOST: host, COUNTERFOIL_ALLOW_UNAUTHENTICATED: isOpen } = config;
  if (keys.size > 0 || isLoopback(host) || isOpen) return;
  logger.warn(
    "there is no API key yet, so readers beyond this machine are refused: `counterfoil keys create` makes one",
  );
}

/**
 * The actions of operators over HTTP. A gateway only reads; for an operator's event it opens the stream
 * for writing, as a command does, and closes it.
 */
function createOperatorActions(config: Config, models: ServedModels): OperatorActions {
  const writing = <T>(work: (backends: Backends) => Promise<T>): Promise<T> =>
    withBackends(connect(config, "write"), work);
  return {
    acknowledge: (word, platform) =>
      writing((backends) => {
        const rule = stuckRule(backends.clock.now(), config.COUNTERFOIL_STUCK_AFTER);
        return acknowledgeAnomaly({ ...backends, models, rule, platform }, word);
      }),
    retry: (word) => writing((backends) => retryForOperator({ ...backends, ...READING }, word)),
    dismiss: (word) =>
      writing((backends) => dismissQuarantined({ ...backends, translations: TRANSLATIONS }, word)),
  };
}
