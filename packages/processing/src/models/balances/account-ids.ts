import { anomaly } from "@counterfoil/core/balances/anomaly";
import type { FactData } from "@counterfoil/core/ingest/fact-state";
import type { Rows } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type AnomalyCause,
  type AnomalyContent,
  closeAnomaly,
  openAnomaly,
} from "../anomaly-rows.ts";
import type { Account } from "./account-row.ts";
import { ACCOUNT_IDS } from "./tables.ts";

/**
 * The provider's ids of accounts, and which accounts share one. Zero Hash promises one id a
 * five-tuple and one five-tuple an id; its own pages break both (DOMAIN 10.7), so either is an
 * anomaly and no error.
 */
export interface AccountIds {
  /** Takes in a provider's id of an account. */
  note(account: Account, accountId: string, cause: AnomalyCause): Promise<void>;
  /** Takes back those of the account's ids that are not among these. */
  keep(account: Account, said: ReadonlySet<string>, cause: AnomalyCause): Promise<void>;
  /** What was changed is being committed: from now on the store knows it. */
  flush(): void;
}

export function createAccountIds(buffer: RowBuffer, rows: Rows): AccountIds {
  /** By id, the accounts that have it, where that changed since the last commit. */
  let changed = new Map<string, readonly string[]>();

  async function sharersOf(accountId: string): Promise<readonly string[]> {
    const known = changed.get(accountId);
    if (known !== undefined) return known;
    const stored = await rows.select(ACCOUNT_IDS, {
      where: [{ column: "account_id", is: "=", value: accountId }],
      orderBy: ["account_id", "account"],
      limit: 1000,
    });
    return stored.map((row) => String(row.account));
  }

  async function drop(account: Account, accountId: string, cause: AnomalyCause): Promise<void> {
    const left = (await sharersOf(accountId)).filter((other) => other !== account.id);
    changed.set(accountId, left);
    account.accountIds = account.accountIds.filter((other) => other !== accountId);
    const row = { account_id: accountId, account: account.id };
    buffer.remove(ACCOUNT_IDS, row, row);
    const at = account.summary.updatedAt;
    await closeAnomaly(buffer, sharedId(account.id, accountId, left, at).id, cause);
    await settle(buffer, left.length, sharingOf(accountId, left, at), cause);
    await settle(buffer, account.accountIds.length, [severalIds(account, at)], cause);
  }

  return {
    async note(account, accountId, cause) {
      if (account.accountIds.includes(accountId)) return;
      const accounts = [...new Set([...(await sharersOf(accountId)), account.id])].sort();
      changed.set(accountId, accounts);
      account.accountIds = [...account.accountIds, accountId].sort();
      buffer.put(ACCOUNT_IDS, { account_id: accountId, account: account.id }, null);
      const at = account.summary.updatedAt;
      const several = account.accountIds.length > 1 ? [severalIds(account, at)] : [];
      const shared = accounts.length > 1 ? sharingOf(accountId, accounts, at) : [];
      for (const conflict of [...several, ...shared]) await openAnomaly(buffer, conflict, cause);
    },
    async keep(account, said, cause) {
      for (const id of account.accountIds) if (!said.has(id)) await drop(account, id, cause);
    },
    flush() {
      changed = new Map();
    },
  };
}

/** Conflicts say what is left of them, and are closed where that is one account with one id. */
async function settle(
  buffer: RowBuffer,
  left: number,
  conflicts: readonly AnomalyContent[],
  cause: AnomalyCause,
): Promise<void> {
  for (const conflict of conflicts) {
    if (left > 1) await openAnomaly(buffer, conflict, cause);
    else await closeAnomaly(buffer, conflict.id, cause);
  }
}

type At = Account["summary"]["updatedAt"];

const severalIds = ({ id, accountIds }: Account, at: At): AnomalyContent =>
  conflict(id, "account_ids", { account_ids: accountIds }, at);

const sharedId = (account: string, accountId: string, accounts: readonly string[], at: At) =>
  conflict(account, accountId, { account_id: accountId, accounts }, at);

const sharingOf = (accountId: string, accounts: readonly string[], at: At) =>
  accounts.map((account) => sharedId(account, accountId, accounts, at));

function conflict(subject: string, what: string, detail: FactData, at: At): AnomalyContent {
  const content = { detail, essence: detail, at: 0n };
  return { ...anomaly("account_id_conflict", subject, what, content), at };
}
