import type { AccountBalance, History } from "./history.ts";
import { accountFields } from "./messages/account-fields.ts";

/**
 * The `initial-balance` frame as of after a step; -1 is before all steps. It lists the Zero Hash
 * accounts that hold something, and no run, as the provider's page prints it.
 */
export function snapshotText(history: History, afterStep: number): string {
  const accounts = history.truth
    .balancesAfterStep(afterStep)
    .filter(({ balance }) => balance !== "0");
  return JSON.stringify({ messageType: "initial-balance", body: accounts.map(snapshotAccount) });
}

function snapshotAccount(account: AccountBalance) {
  return {
    ...accountFields(account),
    // The page's snapshots print ".25" where its updates print "0.45".
    balance: account.balance.replace(/^0\./, "."),
  };
}
