import type { Config } from "@counterfoil/contracts/config";
import type { Logger } from "pino";

/** A service that nobody can send anything to is legal, and hardly meant. */
export function warnWithoutProvider(config: Config, logger: Logger): void {
  const isTaking =
    config.COUNTERFOIL_ALLOW_UNSIGNED ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_FEED_URL !== undefined;
  if (isTaking) return;
  logger.warn(
    "no provider is configured, so nothing is taken in: set COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET, COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY or COUNTERFOIL_ZEROHASH_FEED_URL",
  );
}
