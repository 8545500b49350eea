import type { HeadKeyFile } from "@counterfoil/adapters/node/keys";
import type { Config } from "@counterfoil/contracts/config";
import type { Heads } from "@counterfoil/processing/audit/heads";
import { keepHeads } from "@counterfoil/processing/audit/schedule";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Logger } from "pino";
import { reportOf } from "../error-report.ts";

type HeadsDeps = Readonly<{
  config: Config;
  heads: Pick<Heads, "last" | "make">;
  clock: Clock;
  logger: Pick<Logger, "info" | "error">;
}>;

/** Signs heads on the schedule of the configuration, until it is stopped. */
export function startHeads(deps: HeadsDeps) {
  const stopping = new AbortController();
  const running = isKeyShared(deps.config)
    ? signOnSchedule(deps, stopping.signal)
    : logDisabled(deps);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Logs at start if the head key is unusable, which otherwise shows only when a head is needed. */
export function reportHeadKey(
  { existingKey }: Pick<HeadKeyFile, "existingKey">,
  logger: Pick<Logger, "error">,
): void {
  try {
    existingKey();
  } catch (error) {
    logger.error({ err: error, code: "head_key_unusable" }, "no head can be signed");
  }
}

/**
 * Whether all processes of the ledger sign with the same key. With PostgreSQL they may run on several
 * machines with temporary folders, where each would create its own key. With SQLite the key is in the
 * ledger's folder.
 */
function isKeyShared(config: Config): boolean {
  return (
    config.COUNTERFOIL_POSTGRES_URL === undefined || config.COUNTERFOIL_HEAD_KEY_FILE !== undefined
  );
}

async function logDisabled({ logger }: HeadsDeps): Promise<void> {
  logger.info("no heads are signed on a schedule: COUNTERFOIL_HEAD_KEY_FILE names no key for them");
}

function signOnSchedule(
  { config, heads, clock, logger }: HeadsDeps,
  signal: AbortSignal,
): Promise<void> {
  const schedule = {
    heads,
    clock,
    everySeconds: config.COUNTERFOIL_HEAD_EVERY,
    onMade: ({ position, root, key_id }: Awaited<ReturnType<Heads["make"]>>) =>
      logger.info({ position, root, key_id }, "head signed"),
    onFailed: (error: unknown) => {
      logger.error({ err: error, code: reportOf(error).code }, "no head was signed, trying again");
    },
  };
  return keepHeads(schedule, signal);
}
