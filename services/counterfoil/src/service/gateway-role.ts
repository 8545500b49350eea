import { startOrClose } from "./closing.ts";
import { openWhenThere } from "./open-backends.ts";
import { startReading } from "./reading.ts";
import { createRegistry } from "./registry.ts";
import type { RoleOptions } from "./role.ts";
import type { Service } from "./run-until-signal.ts";

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
