import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { startIngestor } from "@counterfoil/ingestor/ingestor";
import { createIngest } from "@counterfoil/processing/ingest";
import { warnWithoutProvider } from "./channels.ts";
import { startOrClose } from "./closing.ts";
import { completeLeft } from "./complete-left.ts";
import { openAsIngestor } from "./open-backends.ts";
import { createRegistry } from "./registry.ts";
import type { RoleOptions } from "./role.ts";
import type { Service } from "./run-until-signal.ts";

/** Takes deliveries in, and nothing else. Any number of them may run on one ledger. */
export function startIngestorRole({ config, logger }: RoleOptions): Promise<Service> {
  return startOrClose(async (closing) => {
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const { clock, ledger } = backends;
    const ingest = createIngest({ ...backends, translations: TRANSLATIONS });
    closing.add(ingest.stop);
    const registry = createRegistry();
    const ingestor = await startIngestor({ config, ingest, clock, logger, registry });
    closing.add(ingestor.stop);
    completeLeft({ backends, ingest, logger }, closing);
    warnWithoutProvider(config, logger);
    logger.info({ ledger, webhooks: ingestor.address }, "ready");
    return {};
  });
}
