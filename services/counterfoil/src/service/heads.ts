import type { HeadKeyFile } from "@counterfoil/adapters/node/keys";
import type { TreeHead } from "@counterfoil/contracts/audit";
import type { Config } from "@counterfoil/contracts/config";
import { MILLISECOND, type Nanos, timeOf } from "@counterfoil/core/exact/time";
import type { Heads } from "@counterfoil/processing/audit/heads";
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
    onMade: ({ position, root, key_id }: TreeHead) =>
      logger.info({ position, root, key_id }, "head signed"),
    onFailed: (error: unknown) => {
      logger.error({ err: error, code: reportOf(error).code }, "no head was signed, trying again");
    },
  };
  return keepHeads(schedule, signal);
}

type HeadSchedule = Readonly<{
  heads: Pick<Heads, "last" | "make">;
  clock: Clock;
  everySeconds: number;
  onMade: (head: TreeHead) => void;
  onFailed: (error: unknown) => void;
}>;

/**
 * Delay before a retry after a failure, and the maximum interval between checks for heads of other
 * processes.
 */
const CHECK_INTERVAL_MS = 60_000;

/**
 * Signs a head whenever the last one is older than the interval, until the signal aborts. Of
 * several processes the first one makes it, and the others find it recent. If nothing was appended,
 * the last head stays.
 */
export async function keepHeads(schedule: HeadSchedule, signal: AbortSignal): Promise<void> {
  const { heads, clock, everySeconds, onMade, onFailed } = schedule;
  let since = clock.now();
  while (!signal.aborted) {
    const dueInMs = everySeconds * 1000 - msBetween(since, clock.now());
    await clock.sleep(Math.min(Math.max(dueInMs, 1), CHECK_INTERVAL_MS), signal);
    if (signal.aborted) return;
    try {
      const last = await heads.last();
      if (last !== null && timeOf(last.signed_at) > since) since = timeOf(last.signed_at);
      if (msBetween(since, clock.now()) < everySeconds * 1000) continue;
      const head = await heads.make();
      since = clock.now();
      if (head.signature !== last?.signature) onMade(head);
    } catch (error) {
      onFailed(error);
      await clock.sleep(CHECK_INTERVAL_MS, signal);
    }
  }
}

const msBetween = (from: Nanos, to: Nanos): number => Number((to - from) / MILLISECOND);
