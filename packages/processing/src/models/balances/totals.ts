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
import { type ChangingColumns, NOTHING_SHOWN } from "./account.ts";
import { ACCOUNTS, TOTAL_CHANGES, TOTAL_SUMS, TOTALS } from "./tables.ts";

export interface Totals {
  /** What is shown of an account is different from a position on. */
  change(account: string, position: number, shown: Shown): void;
  /** Puts everything changed into the buffer, once before each commit, when the accounts are there. */
  flush(): Work;
}

type Shown = Readonly<{ before: Counted; after: Counted }>;

/** What of an account counts. */
type Counted = Pick<ChangingColumns, "balance" | "status" | "open_gaps">;

type AccountChange = Shown &
  Readonly<{
    account: string;
    position: number;
    /** Folded after what is behind it: of a subject that had stopped, and was tried again. */
    isLate: boolean;
  }>;

/** So many are read at once. */
const PAGE = 1000;

/** @param position up to where the store has folded */
export function openTotals(
  store: Pick<ModelStore, "select">,
  buffer: RowBuffer,
  position: number,
): Totals {
  /** Of all that was folded. */
  let newest = position;
  /** By the total's id; changes in the order of the events. */
  let pending = new Map<string, Pending>();
  /** Of accounts that changed lately: to take an id apart costs as much as the sums. */
  const keys = new Map<string, readonly TotalKey[]>();
  /** The only account of a total, where it has one: nothing is written of it then. */
  const only = new Map<string, string>();

  const keysOf = (account: string): readonly TotalKey[] =>
    keys.get(account) ?? remember(keys, account, totalsOf(account));

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
        if (account !== null) remember(only, id, account);
      }
    }
  }

  return {
    change(account, position, shown) {
      const isLate = position < newest;
      newest = Math.max(newest, position);
      if (isSameCount(shown)) return;
      const { before, after } = shown;
      for (const key of keysOf(account)) {
        if (only.get(key.id) === account) continue;
        // From here on its first account's changes count too.
        only.delete(key.id);
        const found = pending.get(key.id) ?? { key, changes: [] };
        pending.set(key.id, found);
        found.changes.push({ account, position, isLate, before, after });
      }
    },
    flush: () => (pending.size === 0 ? undefined : flush()),
  };
}

/** Some megabytes. */
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

/** The totals that an account is counted in. */
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

/** @returns the only account of the total; null where there are several */
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
  const joining = changes.findIndex((change) => change.account !== account);
  const alone = { ...key, account, summed_since: null };
  if (joining < 0) {
    if (total === null) buffer.put(TOTALS, alone, null);
    return account;
  }
  const first = await firstSum(buffer, account, changes, joining);
  buffer.put(TOTALS, { ...alone, summed_since: first.position }, total);
  writeSum(buffer, { key, stored: null, last: first }, changes.slice(joining));
  return null;
}

/**
 * What a total was where another account came: what its only account held until then. One that comes late
 * does so behind what that account held meanwhile, which its own past shows.
 */
async function firstSum(
  buffer: RowBuffer,
  account: string,
  changes: readonly AccountChange[],
  joining: number,
): Promise<Sum> {
  const isOfIt = (change: AccountChange) => change.account === account;
  const { position = 0, isLate = false } = changes[joining] ?? {};
  const before = changes.slice(0, joining).findLast(isOfIt)?.after;
  const held = before ?? changes.slice(joining).find(isOfIt)?.before;
  if (held !== undefined && !isLate) return { position, ...countOf(held) };
  const row = await buffer.get(ACCOUNTS, [account]);
  const shown = held ?? ((row ?? NOTHING_SHOWN) as Counted);
  const since = isLate ? Math.max(position, Number(row?.position ?? 0)) : position;
  return { position: since, ...countOf(shown) };
}

/** Of one account, or of several. */
type Count = Readonly<{ total: Money; accounts: number; withGaps: number }>;
type Sum = Count & Readonly<{ position: number }>;

const countOf = ({ balance, status, open_gaps }: Counted): Count => ({
  total: moneyIn(balance) ?? ZERO,
  accounts: Number(status !== null),
  withGaps: Number((open_gaps ?? 0) > 0),
});

/** Whether the account counts as it did before. */
function isSameCount({ before, after }: Shown): boolean {
  return (
    before.balance === after.balance &&
    (before.status === null) === (after.status === null) &&
    (before.open_gaps ?? 0) > 0 === (after.open_gaps ?? 0) > 0
  );
}

function sumOf(row: Row): Sum {
  return {
    position: Number(row.position),
    total: moneyOf(String(row.total)),
    accounts: Number(row.accounts),
    withGaps: Number(row.accounts_with_gaps),
  };
}

/**
 * The changes of a sum stand in the order of positions. What is folded later of an earlier position (a
 * stopped subject that is tried again) counts from the last change on.
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

const sumRow = (id: string, { position, total, accounts, withGaps }: Sum): Row => ({
  id,
  position,
  total: formatMoney(total),
  accounts,
  accounts_with_gaps: withGaps,
});
