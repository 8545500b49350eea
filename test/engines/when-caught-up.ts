import { setTimeout as wait } from "node:timers/promises";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { Api } from "../e2e/support/api.ts";

const LOOK_EVERY_MS = 100;

/**
 * The status once every model has folded the whole stream, however much an outage has left to do;
 * the test's own time limit ends what never gets there.
 */
export async function whenCaughtUp(api: Api): Promise<StatusRecord> {
  for (;;) {
    const status = await api.get<StatusRecord>("/v1/status");
    const isDone = status.projections.every(({ lag, state }) => lag === 0 && state === "live");
    if (Number(status.head) > 0 && isDone) return status;
    await wait(LOOK_EVERY_MS);
  }
}
