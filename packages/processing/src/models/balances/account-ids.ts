import { anomaly } from "@counterfoil/core/balances/anomalies";
import { accountIdsOf, type FactData, type FactState } from "@counterfoil/core/ingest/fact-state";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type AnomalyCause,
  type AnomalyContent,
  closeAnomaly,
  openAnomaly,
} from "../anomaly-rows.ts";
import type { Account } from "./account.ts";
import { ACCOUNT_IDS } from "./tables.ts";

/**
 * The provider's ids of an account, and which accounts share one. Zero Hash promises one id a
 * five-tuple and one five-tuple an id; its own pages break both, so either is an anomaly and no
 * error.
 */

/** How many more facts in force give each id, where one fact takes the other's place. */
export type IdDifference = ReadonlyMap<string, number>;

const NO_DIFFERENCE: IdDifference = new Map();

export function idDifference(before: FactState | null, after: FactState | null): IdDifference {
  const [given, gives] = [idsInForce(before), idsInForce(after)];
  if (given.length === 0 && gives.length === 0) return NO_DIFFERENCE;
  const difference = new Map<string, number>();
  const count = (id: string, by: number) => difference.set(id, (difference.get(id) ?? 0) + by);
  for (const id of gives) count(id, 1);
  for (const id of given) count(id, -1);
  return difference;
}

const idsInForce = (state: FactState | null): readonly string[] =>
  state === null || state.withdrawn ? [] : accountIdsOf(state);

/** Whether the difference gives the account an id, or takes its last fact from one. */
export function changesIds({ idFacts }: Account, difference: IdDifference): boolean {
  for (const [id, by] of difference) {
    const count = idFacts.get(id) ?? 0;
    if ((count === 0) !== (count + by === 0)) return true;
  }
  return false;
}

/** Counts a difference that gives no new id and takes none. */
export function countIds({ idFacts }: Account, difference: IdDifference): void {
  for (const [id, by] of difference) if (by !== 0) idFacts.set(id, (idFacts.get(id) ?? 0) + by);
}

/** One provider's id on more accounts than this is no id. */
const SHARERS_MAX = 1000;

/** Counts a difference, and opens and closes what follows from ids that come or go. */
export async function exchangeIds(
  buffer: RowBuffer,
  account: Account,
  difference: IdDifference,
  cause: AnomalyCause,
): Promise<void> {
  const before = new Set(account.accountIds);
  countIds(account, difference);
  for (const [id, count] of account.idFacts) if (count <= 0) account.idFacts.delete(id);
  account.accountIds = [...account.idFacts.keys()].sort();
  for (const id of account.accountIds) {
    if (before.has(id)) continue;
    buffer.put(ACCOUNT_IDS, { account_id: id, account: account.id }, null);
    await showSharing(buffer, id, account, cause);
  }
  for (const id of before) {
    if (account.accountIds.includes(id)) continue;
    const row = { account_id: id, account: account.id };
    buffer.remove(ACCOUNT_IDS, row, row);
    await closeAnomaly(buffer, conflict(account.id, id, {}, null).id, cause);
    await showSharing(buffer, id, account, cause);
  }
  const { id, accountIds, updatedAt } = account;
  const several = conflict(id, "account_ids", { account_ids: accountIds }, updatedAt);
  await show(buffer, several, accountIds.length > 1, cause);
}

/** Each account that shares the id says so, as long as there are several. */
async function showSharing(
  buffer: RowBuffer,
  accountId: string,
  { updatedAt }: Account,
  cause: AnomalyCause,
): Promise<void> {
  const rows = await buffer.select(ACCOUNT_IDS, {
    where: [{ column: "account_id", is: "=", value: accountId }],
    orderBy: ["account_id", "account"],
    limit: SHARERS_MAX,
  });
  const accounts = rows.map(({ account }) => String(account));
  for (const account of accounts) {
    const shared = conflict(account, accountId, { account_id: accountId, accounts }, updatedAt);
    await show(buffer, shared, accounts.length > 1, cause);
  }
}

async function show(
  buffer: RowBuffer,
  content: AnomalyContent,
  isOpen: boolean,
  cause: AnomalyCause,
): Promise<void> {
  if (isOpen) await openAnomaly(buffer, content, cause);
  else await closeAnomaly(buffer, content.id, cause);
}

function conflict(
  subject: string,
  what: string,
  detail: FactData,
  at: Account["updatedAt"],
): AnomalyContent {
  return anomaly("account_id_conflict", subject, what, { detail, essence: detail, at });
}
