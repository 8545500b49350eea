import type { BookEffects } from "@counterfoil/core/balances/book-effects";
import type { StreamEvent } from "@counterfoil/core/balances/fold";
import type { AnomalyCause } from "../anomaly-rows.ts";
import type { AccountIds } from "./account-ids.ts";
import { changingColumns, NOTHING_SHOWN, newAccount } from "./account-row.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { extendAccount, type OpenAccount } from "./open-account.ts";
import { BALANCE_CHANGES } from "./tables.ts";
import { checkUnlisted, noteLeftOut } from "./unlisted.ts";

/** Whether an event may leave less said of an account than before. */
export const mayTakeBack = ({ type }: StreamEvent): boolean =>
  type === "FactCorrected" || type === "FactWithdrawn";

/** Takes back what stood on facts that are not in force any more: listings, the provider's ids. */
export async function takeBack(
  context: AccountsContext & Readonly<{ ids: AccountIds }>,
  open: OpenAccount,
  { removed }: BookEffects,
  cause: AnomalyCause,
): Promise<void> {
  const { account, book } = open;
  for (const id of removed) {
    if (!id.startsWith(SNAPSHOT)) continue;
    const connection = id.slice(SNAPSHOT.length, id.lastIndexOf(":"));
    // Entries are removed from whole books only: these are all the snapshots that there are.
    const leftOut = await context.listings.takeBack(connection, account.id, book.snapshots);
    if (leftOut) noteLeftOut(account, leftOut);
  }
  await context.ids.keep(account, await idsSaid(context, open), cause);
}

const SNAPSHOT = "snapshot:";

/** Which of the account's ids some fact in force gives it. */
async function idsSaid(
  { store, connections }: AccountsContext,
  open: OpenAccount,
): Promise<ReadonlySet<string>> {
  const { account, book } = open;
  for (;;) {
    const said = new Set(book.entries.flatMap(({ accountIds }) => accountIds));
    if (book.complete || account.accountIds.every((id) => said.has(id))) return said;
    await extendAccount(store, open, connections);
  }
}

/**
 * Nothing is said of the account any more: it is as one that was never named. What it was up to
 * here stays in its change rows; one at position 0 lets lists of a past moment find it.
 */
export async function forgetAccount(
  { buffer, connections }: AccountsContext,
  open: OpenAccount,
  cause: AnomalyCause,
): Promise<void> {
  const { account } = open;
  account.unlisted = new Map();
  if (account.hasUnlistedAnomaly) await checkUnlisted({ buffer, connections }, open, cause);
  const gone = { account: account.id, ...NOTHING_SHOWN };
  buffer.append(BALANCE_CHANGES, { position: cause.position, ...gone });
  const stored = await buffer.get(BALANCE_CHANGES, [0, account.id]);
  buffer.put(BALANCE_CHANGES, { position: 0, ...gone }, stored);
  Object.assign(account, newAccount(account.id));
  open.columns = changingColumns(account);
}
