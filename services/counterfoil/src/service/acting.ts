import { type Backends, connect } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Acting } from "@counterfoil/gateway/route/acting";
import {
  acknowledgeAnomaly,
  dismissQuarantined,
  retryForOperator,
} from "@counterfoil/processing/operator";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { stuckRule } from "@counterfoil/processing/queries/stuck";
import { withBackends } from "./open-ledger.ts";

/**
 * What operators say over HTTP. A gateway only reads; for an operator's event it opens the stream for
 * writing, as a command does, and closes it.
 */
export function createActing(config: Config, models: ServedModels): Acting {
  const writing = <T>(work: (backends: Backends) => Promise<T>): Promise<T> =>
    withBackends(connect(config, "write"), work);
  return {
    acknowledge: (word, platform) =>
      writing((backends) => {
        const rule = stuckRule(backends.clock.now(), config.COUNTERFOIL_STUCK_AFTER);
        return acknowledgeAnomaly({ ...backends, models, rule, platform }, word);
      }),
    retry: (word) =>
      writing((backends) => retryForOperator({ ...backends, translations: TRANSLATIONS }, word)),
    dismiss: (word) =>
      writing((backends) => dismissQuarantined({ ...backends, translations: TRANSLATIONS }, word)),
  };
}
