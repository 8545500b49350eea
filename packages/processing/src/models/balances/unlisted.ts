import { accountParts } from "@counterfoil/core/account";
import { anomaly } from "@counterfoil/core/balances/anomalies";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import type { Account } from "./account.ts";
import type { Feeds } from "./feeds.ts";

/**
 * Whether the last complete snapshot leaves the account out although it covers it: its last entry
 * surely was in it and left something. It is never set to zero: the report that did may only be late.
 */
async function isLeftOut(
  feeds: Feeds,
  { id, history, balance, listedAt }: Account,
): Promise<boolean> {
  const openedAt = feeds.lastCompleteOpenedAt();
  const last = history.entries.at(-1);
  if (listedAt >= openedAt || balance === null || balance.isZero() || last === undefined) {
    return false;
  }
  return last.recordedAt < openedAt && (await covers(feeds, id));
}

/** Whether it can be told without looking anything up: an account like nearly all. */
export function isSurelyListed(feeds: Feeds, account: Account): boolean {
  const { isUnlisted, listedAt, history } = account;
  if (isUnlisted) return false;
  const openedAt = feeds.lastCompleteOpenedAt();
  return listedAt >= openedAt || (history.entries.at(-1)?.recordedAt ?? 0) >= openedAt;
}

/** A snapshot holds the platform's own accounts and those that are allocated to it. */
async function covers(feeds: Feeds, account: string): Promise<boolean> {
  const { provider, account_group, participant_code } = accountParts(account);
  if (provider !== "zerohash") return false;
  return (
    (await feeds.isCovered(groupCode(account_group))) ||
    (await feeds.isCovered(participantCode(participant_code)))
  );
}

const groupCode = (code: string | null): string => `group:${code}`;
const participantCode = (code: string | null): string => `participant:${code}`;

/** Takes in that a snapshot lists the account, and so covers others of its owner and group. */
export async function noteListing(feeds: Feeds, account: string): Promise<void> {
  const { account_group, participant_code } = accountParts(account);
  await feeds.cover(groupCode(account_group));
  await feeds.cover(participantCode(participant_code));
}

/** Opens or closes the anomaly; the account's history ends in memory. */
export async function refreshUnlisted(
  { buffer, feeds }: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
  cause: AnomalyCause,
): Promise<void> {
  const isUnlisted = await isLeftOut(feeds, account);
  const content = { detail: {}, essence: {}, at: account.updatedAt };
  const found = anomaly("unlisted", account.id, "snapshot", content);
  if (isUnlisted) await openAnomaly(buffer, found, cause);
  else if (account.isUnlisted) await closeAnomaly(buffer, found.id, cause);
  account.isUnlisted = isUnlisted;
}
