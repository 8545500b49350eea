import { anomaly } from "@counterfoil/core/balances/anomaly";
import type { FactData } from "@counterfoil/core/ingest/fact-state";
import type { Rows } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, openAnomaly } from "../anomaly-rows.ts";
import type { Account } from "./account-row.ts";
import { ACCOUNT_IDS } from "./tables.ts";

/** The provider's ids of accounts, and which accounts share one. */
export interface AccountIds {
  /**
   * Takes in a provider's id of an account. Zero Hash promises one id a five-tuple and one five-tuple
   * an id; its own pages break both (DOMAIN 10.7), so either is an anomaly and neither an error.
   */
  note(account: Account, accountId: string, cause: AnomalyCause): Promise<void>;
  /** What was noted is being committed: from now on the store knows it. */
  flush(): void;
}

export function createAccountIds(buffer: RowBuffer, rows: Rows): AccountIds {
  /** Accounts by the id that they got since the last commit. */
  let noted = new Map<string, readonly string[]>();

  async function sharers(accountId: string, account: string): Promise<readonly string[]> {
    const stored = await rows.select(ACCOUNT_IDS, {
      where: [{ column: "account_id", is: "=", value: accountId }],
      orderBy: ["account_id", "account"],
      limit: 1000,
    });
    const known = stored.map((row) => String(row.account));
    const all = new Set([...known, ...(noted.get(accountId) ?? []), account]);
    return [...all].sort();
  }

  return {
    async note(account, accountId, cause) {
      if (account.accountIds.includes(accountId)) return;
      account.accountIds = [...account.accountIds, accountId].sort();
      const accounts = await sharers(accountId, account.id);
      noted.set(accountId, accounts);
      buffer.put(ACCOUNT_IDS, { account_id: accountId, account: account.id }, null);
      const at = account.summary.updatedAt;
      const conflict = (subject: string, what: string, detail: FactData) =>
        openAnomaly(
          buffer,
          {
            ...anomaly("account_id_conflict", subject, what, { detail, essence: detail, at: 0n }),
            at,
          },
          cause,
        );
      if (account.accountIds.length > 1) {
        await conflict(account.id, "account_ids", { account_ids: account.accountIds });
      }
      if (accounts.length === 1) return;
      for (const id of accounts) await conflict(id, accountId, { account_id: accountId, accounts });
    },
    flush() {
      noted = new Map();
    },
  };
}
