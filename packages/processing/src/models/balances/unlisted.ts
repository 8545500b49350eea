import { anomaly } from "@counterfoil/core/balances/anomaly";
import { isUnlisted } from "@counterfoil/core/balances/unlisted";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import type { Account } from "./account-row.ts";
import type { AccountsContext } from "./accounts-context.ts";
import type { LeftOut } from "./listings.ts";
import type { OpenAccount } from "./open-account.ts";

/** @returns whether the account did not know it yet. */
export function noteLeftOut(account: Account, { line, by }: LeftOut): boolean {
  const known = account.unlisted.get(line);
  if (known?.connection === by?.connection && known?.frame === by?.frame) return false;
  const unlisted = new Map(account.unlisted);
  if (by === null) unlisted.delete(line);
  else unlisted.set(line, by);
  account.unlisted = unlisted;
  return true;
}

/** Opens or closes the anomaly of an account that snapshots have left out. */
export async function checkUnlisted(
  { buffer, connections }: Pick<AccountsContext, "buffer" | "connections">,
  { account, book }: OpenAccount,
  cause: AnomalyCause,
): Promise<void> {
  const { balance, updatedAt } = account.summary;
  const listing = [...account.unlisted.values()].find((missing) =>
    isUnlisted(book, balance, missing, connections),
  );
  const content = { detail: { ...listing }, essence: {}, at: updatedAt ?? 0n };
  const found = anomaly("unlisted", account.id, "snapshot", content);
  account.hasUnlistedAnomaly = listing !== undefined;
  if (listing) await openAnomaly(buffer, found, cause);
  else await closeAnomaly(buffer, found.id, cause);
}
