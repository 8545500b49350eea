import { anomaly } from "@counterfoil/core/balances/anomaly";
import type { Rows } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, openAnomaly } from "../anomaly-rows.ts";
import type { Account } from "./account-row.ts";
import { ACCOUNT_IDS } from "./tables.ts";

/**
 * Takes in a provider's id of an account. Zero Hash promises one id a five-tuple and one five-tuple
 * an id; its own pages break both (DOMAIN 10.7), so either is an anomaly and neither an error.
 */
export async function noteAccountId(
  buffer: RowBuffer,
  rows: Rows,
  account: Account,
  accountId: string,
  cause: AnomalyCause,
): Promise<void> {
  if (account.accountIds.includes(accountId)) return;
  account.accountIds = [...account.accountIds, accountId].sort();
  const others = await accountsOf(buffer, rows, accountId, account.id);
  buffer.put(ACCOUNT_IDS, { account_id: accountId, account: account.id }, null);
  if (account.accountIds.length > 1) {
    const detail = { account_ids: account.accountIds };
    const content = { detail, essence: detail, at: 0n };
    const several = anomaly("account_id_conflict", account.id, "account_ids", content);
    await openAnomaly(buffer, { ...several, at: account.summary.updatedAt }, cause);
  }
  if (others.length === 0) return;
  const accounts = [...others, account.id].sort();
  for (const id of accounts) {
    const detail = { account_id: accountId, accounts };
    const content = { detail, essence: detail, at: 0n };
    const shared = anomaly("account_id_conflict", id, accountId, content);
    await openAnomaly(buffer, { ...shared, at: account.summary.updatedAt }, cause);
  }
}

async function accountsOf(
  buffer: RowBuffer,
  rows: Rows,
  accountId: string,
  except: string,
): Promise<string[]> {
  const stored = await rows.select(ACCOUNT_IDS, {
    where: [{ column: "account_id", is: "=", value: accountId }],
    orderBy: ["account_id", "account"],
    limit: 1000,
  });
  const pending = buffer.pending(ACCOUNT_IDS).filter((row) => row.account_id === accountId);
  const accounts = [...stored, ...pending].map((row) => String(row.account));
  return [...new Set(accounts)].filter((account) => account !== except);
}
