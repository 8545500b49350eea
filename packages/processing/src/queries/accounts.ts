import type { BalanceRecord } from "@counterfoil/contracts/record";
import { ACCOUNTS } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { balanceRecord } from "./balance-record.ts";
import { accountsCalled } from "./balances.ts";
import { type Found, found, foundAmong, MISSING } from "./found.ts";

/** One account, by our id or by the provider's. */
export async function findAccount(rows: Rows, id: string): Promise<Found<BalanceRecord>> {
  const account = await findAccountRow(rows, id);
  return account.outcome === "found" ? found(balanceRecord(account.record)) : account;
}

/** The account's row, by our id or by the provider's. */
async function findAccountRow(rows: Rows, id: string): Promise<Found<Row>> {
  const own = await rows.get(ACCOUNTS, [id]);
  if (own !== null) return found(own);
  const named = foundAmong(await accountsCalled(rows, id));
  if (named.outcome !== "found") return named;
  const account = await rows.get(ACCOUNTS, [named.record]);
  return account === null ? MISSING : found(account);
}
