import { print } from "../output/print.ts";
import { createApi } from "./api.ts";
import { expectationsOf } from "./expectations.ts";
import { gatherLedger } from "./gather.ts";
import { playFlows } from "./play-flows.ts";
import { rebuildAll, showDigests } from "./rebuild-all.ts";
import { showAnomalies } from "./show-anomalies.ts";
import { showBalances, showEntries } from "./show-balances.ts";
import { showLifecycles } from "./show-lifecycles.ts";
import type { StandIn } from "./stand-in.ts";
import { printChecked, printHeading } from "./style.ts";

/**
 * The demo from the first message to the comparison of the digests.
 *
 * @returns whether everything came out as the providers' pages say
 */
export async function playAndCheck(standIn: StandIn, address: string): Promise<boolean> {
  const api = createApi(address);
  await playFlows({ standIn, api, address });
  const ledger = await gatherLedger(api);
  showBalances(ledger.balances, ledger.status.head);
  showEntries(ledger.entries);
  showLifecycles(ledger);
  showAnomalies(ledger.anomalies);
  const models = await rebuildAll(api, ledger.status);
  showDigests(models);
  printHeading("Checked");
  const expectations = expectationsOf(ledger, models);
  for (const { what, expected, found } of expectations) {
    printChecked(found === expected, what);
    if (found !== expected) print(`      expected ${expected}\n      found    ${found}`);
  }
  return expectations.every(({ expected, found }) => expected === found);
}
