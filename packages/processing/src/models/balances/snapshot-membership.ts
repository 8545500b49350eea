import { accountParts } from "@counterfoil/core/account";
import { anomaly } from "@counterfoil/core/balances/anomalies";
import {
  isUnconfirmedSince,
  latestDateIn,
  type Omission,
} from "@counterfoil/core/balances/snapshots";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { Row, Rows } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { type Account, loadEnd, loadMore } from "./account.ts";
import { CONNECTIONS, COVERED } from "./tables.ts";

/**
 * Finds accounts that are missing from the last complete snapshot. For that it keeps when and at which
 * position each feed was opened, the groups and participants that snapshots cover, and which accounts
 * they list.
 */

/** Feed connections, and the groups and participants that their snapshots cover. */
export interface Feeds {
  opened(connection: string, opening: Readonly<{ position: number; on: Nanos }>): void;
  /** The position at which it was opened; null if unknown. */
  openedAt(connection: string): Promise<number | null>;
  /** Records that a balance in its snapshot arrived. */
  listed(connection: string, arrivedOn: Nanos): Promise<void>;
  /**
   * Records that its snapshot is complete.
   *
   * @returns whether it is the most recently opened one with a complete snapshot: only that one shows
   *   which accounts are missing
   */
  completed(connection: string, position: number): Promise<boolean>;
  /** The newest complete snapshot, as those see it that it does not list. */
  lastComplete(): Omission;
  /** Records that a snapshot lists an account of this group or participant. */
  cover(code: string, position: number): Promise<void>;
  /** Whether that was recorded before the newest complete snapshot was. Later listings count from the next on. */
  isCovered(code: string): Promise<boolean>;
}

/** Codes kept in memory. Beyond that, all are dropped and read again. */
const CODES_KEPT = 10_000;

/** A snapshot that lists nobody states no arrival: it is assumed to come this long after the opening. */
const EMPTY_SNAPSHOT_WITHIN: Nanos = 60n * SECOND;

/** The feed's snapshots as far as `store` has them; changes go through `buffer`. */
export async function openFeeds(store: Rows, buffer: RowBuffer): Promise<Feeds> {
  const [stored] = await store.select(CONNECTIONS, {
    where: [{ column: "completed_at", is: ">", value: 0 }],
    orderBy: ["completed_at", "connection"],
    descending: true,
    limit: 1,
  });
  let last = omissionOf(stored);
  let completedAt = Number(stored?.completed_at ?? 0);
  /** The last connection read: it is needed repeatedly while its snapshot is folded. */
  let lastRead: Row | null = null;
  /** The position of the first listing, by code. */
  const covered = new Map<string, number>();

  async function find(connection: string): Promise<Row | null> {
    if (lastRead?.connection === connection) return lastRead;
    lastRead = await buffer.get(CONNECTIONS, [connection]);
    return lastRead;
  }

  function put(row: Row, stored: Row | null): void {
    buffer.put(CONNECTIONS, row, stored);
    lastRead = row;
  }

  async function coveredAt(code: string): Promise<number | null> {
    const known = covered.get(code);
    if (known !== undefined) return known;
    const row = await buffer.get(COVERED, [code]);
    return row === null ? null : keep(code, Number(row.covered_at));
  }

  function keep(code: string, position: number): number {
    if (covered.size >= CODES_KEPT) covered.clear();
    covered.set(code, position);
    return position;
  }

  return {
    opened(connection, { position, on }) {
      const row = { connection, opened_at: position, completed_at: 0 };
      put({ ...row, opened_on: on, arrived_on: 0n }, null);
    },
    openedAt: async (connection) => {
      const row = await find(connection);
      return row === null ? null : Number(row.opened_at);
    },
    async listed(connection, arrivedOn) {
      const row = await find(connection);
      if (row === null || row.completed_at !== 0 || BigInt(row.arrived_on ?? 0) >= arrivedOn)
        return;
      put({ ...row, arrived_on: arrivedOn }, row);
    },
    async completed(connection, position) {
      const row = await find(connection);
      if (row === null || Number(row.opened_at) <= last.openedAt) return false;
      last = laterOf(last, omissionOf(row));
      completedAt = position;
      const { openedOn: opened_on, arrivedAt: arrived_on } = last;
      put({ ...row, completed_at: position, opened_on, arrived_on }, row);
      return true;
    },
    lastComplete: () => last,
    async cover(code, position) {
      if ((await coveredAt(code)) !== null) return;
      buffer.put(COVERED, { code, covered_at: position }, null);
      keep(code, position);
    },
    async isCovered(code) {
      const position = await coveredAt(code);
      return position !== null && position < completedAt;
    },
  };
}

/** Rows as they were before later snapshots were complete, as far as these show which accounts are missing. */
export const beforeSnapshotsSince = (rows: Rows, position: number): Rows => ({
  get: rows.get,
  count: rows.count,
  select(table, selection) {
    if (table !== CONNECTIONS) return rows.select(table, selection);
    const { where = [] } = selection;
    const isBefore = { column: "completed_at", is: "<=", value: position } as const;
    return rows.select(table, { ...selection, where: [...where, isBefore] });
  },
});

function omissionOf(row: Row | undefined): Omission {
  const openedOn = BigInt(row?.opened_on ?? 0);
  const arrivedOn = BigInt(row?.arrived_on ?? 0);
  return {
    openedAt: Number(row?.opened_at ?? 0),
    openedOn,
    arrivedAt: arrivedOn === 0n ? openedOn + EMPTY_SNAPSHOT_WITHIN : arrivedOn,
  };
}

/**
 * The newer of two snapshots, with times that never fall, even if another host's clock is behind: so an
 * account that is missing from one stays so in the next, without being examined again.
 */
const laterOf = (before: Omission, { openedAt, openedOn, arrivedAt }: Omission): Omission => ({
  openedAt,
  openedOn: openedOn > before.openedOn ? openedOn : before.openedOn,
  arrivedAt: arrivedAt > before.arrivedAt ? arrivedAt : before.arrivedAt,
});

/**
 * Whether the last complete snapshot covers the account but does not list it, and nothing confirms its
 * nonzero balance since. The balance is not set to zero, because the report that made it zero may just be
 * late.
 */
async function isMissing(
  { buffer, feeds }: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
): Promise<boolean> {
  const omission = feeds.lastComplete();
  if (account.listedAt >= omission.openedAt || !(await covers(feeds, account.id))) return false;
  await loadEnd(buffer, account);
  for (;;) {
    const isUnconfirmed = isUnconfirmedSince(account.history, omission);
    if (typeof isUnconfirmed === "boolean") return isUnconfirmed;
    await loadMore(buffer, account, isUnconfirmed.side);
  }
}

/** Whether the account is certainly not missing, without reading rows: true for nearly all accounts. */
export function isSurelyListed(feeds: Feeds, account: Account): boolean {
  const { id, isUnlisted, listedAt, history } = account;
  if (isUnlisted) return false;
  const omission = feeds.lastComplete();
  if (listedAt >= omission.openedAt || !id.startsWith("zerohash:")) return true;
  return history.isEnd
    ? isUnconfirmedSince(history, omission) === false
    : isSurelyConfirmed(account, omission);
}

/** By the account's row alone, if its last entries are not loaded: they are unchanged then. */
function isSurelyConfirmed(account: Account, { arrivedAt }: Omission): boolean {
  const { balance, undated, updatedAt, snapshotAt } = account;
  if (balance === null || balance.isZero()) return true;
  const isLastDated = undated === 0 && updatedAt !== null && updatedAt > snapshotAt;
  return isLastDated && updatedAt > latestDateIn(arrivedAt);
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
export async function noteListing(feeds: Feeds, account: string, position: number): Promise<void> {
  const { account_group, participant_code } = accountParts(account);
  await feeds.cover(groupCode(account_group), position);
  await feeds.cover(participantCode(participant_code), position);
}

/** Opens or closes the `unlisted` anomaly. The account must be summarized. */
export async function refreshUnlisted(
  context: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
  cause: AnomalyCause,
): Promise<void> {
  const { buffer } = context;
  const isUnlisted = await isMissing(context, account);
  const content = { detail: {}, essence: {}, at: account.updatedAt };
  const found = anomaly("unlisted", account.id, "snapshot", content);
  if (isUnlisted) await openAnomaly(buffer, found, cause);
  else if (account.isUnlisted) await closeAnomaly(buffer, found.id, cause);
  account.isUnlisted = isUnlisted;
}
