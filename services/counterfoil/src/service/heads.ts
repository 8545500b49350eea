import type { Config } from "@counterfoil/contracts/config";
import type { Heads } from "@counterfoil/processing/audit/heads";
import { keepHeads } from "@counterfoil/processing/audit/schedule";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import type { Logger } from "pino";

type HeadsDeps = Readonly<{ config: Config; heads: Heads; clock: Clock; logger: Logger }>;

/** Signs heads on the schedule of the configuration, until it is stopped. */
export function startHeads({ config, heads, clock, logger }: HeadsDeps) {
  const stopping = new AbortController();
  const running = keepHeads(
    {
      heads,
      clock,
      everySeconds: config.COUNTERFOIL_HEAD_EVERY,
      onMade: ({ position, root, key_id }) =>
        logger.info({ position, root, key_id }, "head signed"),
      onFailed: (error) => {
        const code = error instanceof StreamForked ? { code: "stream_forked" } : {};
        logger.error({ err: error, ...code }, "no head was signed, trying again");
      },
    },
    stopping.signal,
  );
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
