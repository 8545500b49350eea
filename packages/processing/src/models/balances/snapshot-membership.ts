import { accountParts } from "@counterfoil/core/account";
import { anomaly } from "@counterfoil/core/balances/anomalies";
import type { Row, Rows } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import type { Account } from "./account.ts";
import { CONNECTIONS, COVERED } from "./tables.ts";

/**
 * Finds accounts that are missing from the last complete snapshot. For that it keeps the position at which
 * each feed was opened, the groups and participants that snapshots cover, and which accounts they list.
 */

/** Feed connections, and the groups and participants that their snapshots cover. */
export interface Feeds {
  opened(connection: string, position: number): void;
  /** The position at which it was opened; null if unknown. */
  openedAt(connection: string): Promise<number | null>;
  /**
   * Records that its snapshot is complete.
   *
   * @returns whether it is the most recently opened one with a complete snapshot: only that one shows
   *   which accounts are missing
   */
  completed(connection: string, position: number): Promise<boolean>;
  /** The position at which the feed of the newest complete snapshot was opened; 0 if there is none. */
  lastCompleteOpenedAt(): number;
  cover(code: string): Promise<void>;
  isCovered(code: string): Promise<boolean>;
}

/** Codes kept in memory. Beyond that, all are dropped and read again. */
const CODES_KEPT = 10_000;

export async function openFeeds(store: Rows, buffer: RowBuffer): Promise<Feeds> {
  let [last] = await store.select(CONNECTIONS, {
    where: [{ column: "completed_at", is: ">", value: 0 }],
    orderBy: ["completed_at", "connection"],
    descending: true,
    limit: 1,
  });
  /** The last connection read: it is needed repeatedly while its snapshot is folded. */
  let lastRead: Row | null = null;
  const covered = new Set<string>();

  async function find(connection: string): Promise<Row | null> {
    if (lastRead?.connection === connection) return lastRead;
    lastRead = await buffer.get(CONNECTIONS, [connection]);
    return lastRead;
  }

  function put(row: Row, stored: Row | null): void {
    buffer.put(CONNECTIONS, row, stored);
    lastRead = row;
  }

  return {
    opened: (connection, opened_at) => put({ connection, opened_at, completed_at: 0 }, null),
    openedAt: async (connection) => {
      const row = await find(connection);
      return row === null ? null : Number(row.opened_at);
    },
    async completed(connection, position) {
      const row = await find(connection);
      if (row === null) return false;
      const complete = { ...row, completed_at: position };
      put(complete, row);
      if (Number(last?.opened_at ?? 0) >= Number(row.opened_at)) return false;
      last = complete;
      return true;
    },
    lastCompleteOpenedAt: () => Number(last?.opened_at ?? 0),
    async cover(code) {
      if (covered.has(code)) return;
      if (covered.size >= CODES_KEPT) covered.clear();
      covered.add(code);
      if ((await buffer.get(COVERED, [code])) === null) buffer.put(COVERED, { code }, null);
    },
    async isCovered(code) {
      return covered.has(code) || (await buffer.get(COVERED, [code])) !== null;
    },
  };
}

/**
 * Whether the last complete snapshot covers the account but does not list it, although its last entry was
 * recorded before that feed was opened and left a nonzero balance. The balance is not set to zero, because
 * the report that made it zero may just be late.
 */
async function isMissing(
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

/** Whether the account is certainly not missing, without reading rows: true for nearly all accounts. */
export function isSurelyListed(feeds: Feeds, account: Account): boolean {
  const { isUnlisted, listedAt, history } = account;
  if (isUnlisted) return false;
  const openedAt = feeds.lastCompleteOpenedAt();
  return listedAt >= openedAt || (history.entries.at(-1)?.recordedAt ?? 0) >= openedAt;
}

/** A snapshot contains the platform's own accounts and those that are allocated to it. */
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

/** Records that a snapshot lists the account, and so covers others of its owner and group. */
export async function noteListing(feeds: Feeds, account: string): Promise<void> {
  const { account_group, participant_code } = accountParts(account);
  await feeds.cover(groupCode(account_group));
  await feeds.cover(participantCode(participant_code));
}

/** Opens or closes the `unlisted` anomaly. The end of the account's history must be loaded. */
export async function refreshUnlisted(
  { buffer, feeds }: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
  cause: AnomalyCause,
): Promise<void> {
  const isUnlisted = await isMissing(feeds, account);
  const content = { detail: {}, essence: {}, at: account.updatedAt };
  const found = anomaly("unlisted", account.id, "snapshot", content);
  if (isUnlisted) await openAnomaly(buffer, found, cause);
  else if (account.isUnlisted) await closeAnomaly(buffer, found.id, cause);
  account.isUnlisted = isUnlisted;
}
