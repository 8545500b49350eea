import { accountParts } from "@counterfoil/core/account";
import {
  add,
  formatMoney,
  type Money,
  moneyIn,
  moneyOf,
  subtract,
  ZERO,
} from "@counterfoil/core/exact/money";
import type { ModelStore, Row, Table } from "../../ports/model-store.ts";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { NO_VISIBLE_COLUMNS, type VisibleColumns } from "./account.ts";
import { ACCOUNTS, isUncertain, TOTAL_CHANGES, TOTAL_SUMS, TOTALS } from "./tables.ts";

/** Keeps the totals of accounts of the same kind; see `TOTALS`. */
export interface Totals {
  /** Records that an account's visible columns change at a position. */
  change(account: string, position: number, counted: BeforeAndAfter): void;
  /** Puts all changes into the buffer, once before each commit, after the accounts. */
  flush(): Work;
}

type BeforeAndAfter = Readonly<{ before: Counted; after: Counted }>;

/** The columns of an account that totals depend on. */
type Counted = Pick<VisibleColumns, "balance" | "status" | "open_gaps">;

type AccountChange = BeforeAndAfter &
  Readonly<{
    account: string;
    position: number;
    /** Folded after an event of a later position: its subject had stopped and was retried. */
    isLate: boolean;
  }>;

/** Totals read at once. */
const PAGE = 1000;

/** @param position the last position that the store has folded */
export function openTotals(
  store: Pick<ModelStore, "select">,
  buffer: RowBuffer,
  position: number,
): Totals {
  /** The last position folded so far. */
  let newest = position;
  /** By the total's id; changes are in the order of folding. */
  let pending = new Map<string, Pending>();
  /** Totals of recently changed accounts: parsing an id costs as much as the sums. */
  const recentKeys = new Map<string, readonly TotalKey[]>();
  /** The only account of a total, by the total's id: its changes need no row. */
  const soleAccounts = new Map<string, string>();

  const keysOf = (account: string): readonly TotalKey[] =>
    recentKeys.get(account) ?? remember(recentKeys, account, totalsOf(account));

  async function flush(): Promise<void> {
    const all = [...pending];
    pending = new Map();
    for (let at = 0; at < all.length; at += PAGE) {
      const page = all.slice(at, at + PAGE);
      const ids = page.map(([id]) => id);
      const totals = await byId(store, TOTALS, ids);
      const isSummed = (id: string) => (totals.get(id)?.summed_since ?? null) !== null;
      const sums = await byId(store, TOTAL_SUMS, ids.filter(isSummed));
      for (const [id, { key, changes }] of page) {
        const stored = { total: totals.get(id) ?? null, sum: sums.get(id) ?? null };
        const account = await writeTotal(buffer, stored, key, changes);
        if (account !== null) remember(soleAccounts, id, account);
      }
    }
  }

  return {
    change(account, position, counted) {
      const isLate = position < newest;
      newest = Math.max(newest, position);
      if (isSameCount(counted)) return;
      const { before, after } = counted;
      for (const key of keysOf(account)) {
        if (soleAccounts.get(key.id) === account) continue;
        // From here on the changes of its first account are recorded too.
        soleAccounts.delete(key.id);
        const found = pending.get(key.id) ?? { key, changes: [] };
        pending.set(key.id, found);
        found.changes.push({ account, position, isLate, before, after });
      }
    },
    flush: () => (pending.size === 0 ? undefined : flush()),
  };
}

/** Entries of each map, some megabytes. */
const RECENT_MAX = 20_000;

function remember<V>(recent: Map<string, V>, key: string, value: V): V {
  if (recent.size >= RECENT_MAX) recent.clear();
  recent.set(key, value);
  return value;
}

type Pending = Readonly<{ key: TotalKey; changes: AccountChange[] }>;

type TotalKey = Readonly<
  Record<
    "id" | "participant_code" | "provider" | "account_group" | "account_type" | "asset",
    string
  >
>;

/** The totals in which an account is counted. */
function totalsOf(account: string): readonly TotalKey[] {
  const { provider, participant_code, account_type, asset, ...parts } = accountParts(account);
  const account_group = parts.account_group ?? "";
  const alike = { provider, account_group, account_type, asset };
  const isOfGroup = participant_code === null || participant_code === account_group;
  const participants = isOfGroup ? [""] : ["", participant_code];
  return participants.map((participant_code) => {
    const parts = { participant_code, ...alike };
    return { id: JSON.stringify(Object.values(parts)), ...parts };
  });
}

async function byId(
  store: Pick<ModelStore, "select">,
  table: Table,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Row>> {
  if (ids.length === 0) return new Map();
  const where = [{ column: "id", is: "in", value: ids }] as const;
  const rows = await store.select(table, { where, orderBy: ["id"], limit: ids.length });
  return new Map(rows.map((row) => [String(row.id), row]));
}

type Stored = Readonly<{ total: Row | null; sum: Row | null }>;

/** @returns the only account of the total; null if there are several */
async function writeTotal(
  buffer: RowBuffer,
  { total, sum }: Stored,
  key: TotalKey,
  changes: readonly AccountChange[],
): Promise<string | null> {
  if (sum !== null) {
    writeSum(buffer, { key, stored: sum, last: sumOf(sum) }, changes);
    return null;
  }
  const account = String(total?.account ?? changes[0]?.account);
  const joinedAt = changes.findIndex((change) => change.account !== account);
  const totalRow = { ...key, account, summed_since: null };
  if (joinedAt < 0) {
    if (total === null) buffer.put(TOTALS, totalRow, null);
    return account;
  }
  const first = await firstSum(buffer, account, changes, joinedAt);
  buffer.put(TOTALS, { ...totalRow, summed_since: first.position }, total);
  writeSum(buffer, { key, stored: null, last: first }, changes.slice(joinedAt));
  return null;
}

/**
 * The sum of a total before its second account is added: the balance of its first account. If the second
 * is late, sums start no earlier than the first account's last change; its own change rows show its
 * earlier balances.
 */
async function firstSum(
  buffer: RowBuffer,
  account: string,
  changes: readonly AccountChange[],
  joinedAt: number,
): Promise<Sum> {
  const isOfAccount = (change: AccountChange) => change.account === account;
  const { position = 0, isLate = false } = changes[joinedAt] ?? {};
  const before = changes.slice(0, joinedAt).findLast(isOfAccount)?.after;
  const held = before ?? changes.slice(joinedAt).find(isOfAccount)?.before;
  if (held !== undefined && !isLate) return { position, ...countOf(held) };
  const row = await buffer.get(ACCOUNTS, [account]);
  const counted = held ?? ((row ?? NO_VISIBLE_COLUMNS) as Counted);
  const since = isLate ? Math.max(position, Number(row?.position ?? 0)) : position;
  return { position: since, ...countOf(counted) };
}

/** The count of one account or of several. */
type Count = Readonly<{ total: Money; accounts: number; withGaps: number; uncertain: number }>;
type Sum = Count & Readonly<{ position: number }>;

const countOf = ({ balance, status, open_gaps }: Counted): Count => ({
  total: moneyIn(balance) ?? ZERO,
  accounts: Number(status !== null),
  withGaps: Number((open_gaps ?? 0) > 0),
  uncertain: Number(isUncertain(status)),
});

/** Whether a change leaves the totals as they are. */
function isSameCount({ before, after }: BeforeAndAfter): boolean {
  return (
    before.balance === after.balance &&
    (before.status === null) === (after.status === null) &&
    (before.open_gaps ?? 0) > 0 === (after.open_gaps ?? 0) > 0 &&
    isUncertain(before.status) === isUncertain(after.status)
  );
}

function sumOf(row: Row): Sum {
  return {
    position: Number(row.position),
    total: moneyOf(String(row.total)),
    accounts: Number(row.accounts),
    withGaps: Number(row.accounts_with_gaps),
    uncertain: Number(row.accounts_uncertain),
  };
}

/**
 * Writes changes of a sum, in the order of positions. An event folded late (its subject had stopped and
 * was retried) counts from the sum's last change on.
 */
function writeSum(
  buffer: RowBuffer,
  { key: { id }, stored, last }: Readonly<{ key: TotalKey; stored: Row | null; last: Sum }>,
  changes: readonly AccountChange[],
): void {
  let sum = last;
  let row = stored;
  for (const { position, before, after } of changes) {
    const [was, is] = [countOf(before), countOf(after)];
    sum = {
      position: Math.max(position, sum.position),
      total: add(sum.total, subtract(is.total, was.total)),
      accounts: sum.accounts + is.accounts - was.accounts,
      withGaps: sum.withGaps + is.withGaps - was.withGaps,
      uncertain: sum.uncertain + is.uncertain - was.uncertain,
    };
    const isSamePosition = row?.position === sum.position;
    const change = sumRow(id, sum);
    // One event may change several accounts of a total.
    if (isSamePosition) buffer.put(TOTAL_CHANGES, change, row);
    else buffer.append(TOTAL_CHANGES, change);
    row = change;
  }
  if (row !== null) buffer.put(TOTAL_SUMS, row, stored);
}

const sumRow = (id: string, { position, total, accounts, withGaps, uncertain }: Sum): Row => ({
  id,
  position,
  total: formatMoney(total),
  accounts,
  accounts_with_gaps: withGaps,
  accounts_uncertain: uncertain,
});
