import { connect } from "@counterfoil/adapters/connect";
import { sampleLog } from "@counterfoil/http/sampled-log";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { startProjector } from "@counterfoil/projector/projector";
import { createUpgrade } from "@counterfoil/projector/upgrade";
import { BUILD } from "../build.ts";
import { openWhenThere } from "../service/open-ledger.ts";
import { createRegistry, startOperationsListener } from "../service/operations.ts";
import { type RoleOptions, type Service, startOrClose } from "../service/service.ts";

/** Keeps read models up to date, and nothing else. A second one of a model waits for its lock. */
export async function startProjectorRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, models, signal } = options;
  const backends = await openWhenThere({ config, access: "read", logger, signal });
  if (backends === null) return null;
  return startOrClose(async (closing) => {
    closing.add(backends.close);
    const registry = createRegistry();
    const address = await startOperationsListener({ config, registry, logger }, closing);
    const openForWriting = () => connect(config, "write");
    const upgrade = createUpgrade({ openForWriting, build: BUILD, logger });
    const report = createProjectorMetrics({ registry, ...backends });
    const warn = sampleLog({ logger, clock: backends.clock });
    const projector = startProjector({ backends, models, logger, upgrade, report, warn });
    closing.add(projector.stop);
    logger.info({ ledger: backends.ledger, models, address }, "ready");
    return {};
  });
}
