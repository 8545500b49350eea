import type { BalanceRecord } from "@counterfoil/contracts/record";
import { accountParts } from "@counterfoil/core/account";
import type { Nanos } from "@counterfoil/core/exact/time";
import { ACCOUNT_IDS, ACCOUNTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Condition, Row } from "../ports/table.ts";
import { balanceAsOf } from "./balance-as-of.ts";
import { balanceRecord, balanceRecordAt } from "./balance-record.ts";
import { beyondPart, type Page, type PageRequest, readPage } from "./page.ts";

const BALANCE_FILTERS = [
  "provider",
  "participant_code",
  "account_group",
  "account_label",
  "account_type",
  "asset",
  "account_id",
] as const;

/** Exact matches; `account_id` is the provider's and may be any that the account was ever given. */
export type BalanceFilters = Readonly<Partial<Record<(typeof BALANCE_FILTERS)[number], string>>>;

/** By our id: an account keeps its place in the list whatever happens to its balance. */
export const BALANCE_KEY: readonly ColumnType[] = ["text"];

/** `as_of`: a time, by all facts known now. `at_position`: by the facts up to there. */
export type Moment = Readonly<{ as_of?: Nanos; at_position?: number }>;

export type BalanceQuery = Readonly<{
  filters: BalanceFilters;
  page: PageRequest;
  moment?: Moment;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Balances, one an account. Of a past moment an account is listed if something was reported of it
 * by then; filters go by what is known of it now.
 */
export async function listBalances(
  rows: Rows,
  { filters, page, moment = {}, nextTurn }: BalanceQuery,
): Promise<Page<BalanceRecord>> {
  const where = await conditionsOf(rows, filters);
  const recordOf = recordAt(rows, where, moment);
  return readPage(page, {
    read: async (beyond, limit) => {
      const selection = { where, orderBy: ["id"], ...beyondPart(beyond), limit };
      const known = await rows.select(ACCOUNTS, selection);
      if (moment.at_position === undefined) return known;
      return merged(known, await onceKnown(rows, beyond, limit)).slice(0, limit);
    },
    keyOf: ({ id }) => [String(id)],
    recordOf,
    nextTurn,
  });
}

type RecordAt = (account: Row) => BalanceRecord | null | Promise<BalanceRecord | null>;

function recordAt(
  rows: Rows,
  where: readonly Condition[],
  { as_of, at_position }: Moment,
): RecordAt {
  if (as_of !== undefined) return (account) => balanceAsOf(rows, account, as_of);
  if (at_position === undefined) return balanceRecord;
  return (account) => (isAskedFor(account, where) ? balanceAt(rows, account, at_position) : null);
}

/** Accounts that were gone once: nothing may be said of them now, but something was before. */
async function onceKnown(
  rows: Rows,
  beyond: PageRequest["beyond"],
  limit: number,
): Promise<readonly Row[]> {
  const gone = await rows.select(BALANCE_CHANGES, {
    where: [{ column: "position", is: "=", value: 0 }],
    orderBy: ["position", "account"],
    ...(beyond === null ? {} : { beyond: [0, ...beyond] }),
    limit,
  });
  return gone.map(({ account = null }) => ({ id: account, ...accountParts(String(account)) }));
}

/** Both by id; an account that is known again is in both. */
function merged(known: readonly Row[], once: readonly Row[]): readonly Row[] {
  if (once.length === 0) return known;
  const ids = new Set(known.map(({ id }) => id));
  const all = [...known, ...once.filter(({ id }) => !ids.has(id))];
  return all.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
}

/** Whether an account that no index answered for meets the conditions. */
const isAskedFor = (account: Row, where: readonly Condition[]): boolean =>
  where.every(({ column, value }) => {
    const found = account[column] ?? null;
    return Array.isArray(value) ? value.includes(found) : value === found;
  });

async function conditionsOf(
  rows: Rows,
  { account_id, ...columns }: BalanceFilters,
): Promise<Condition[]> {
  const where = Object.entries(columns).map(([column, value]) => ({
    column,
    is: "=" as const,
    value,
  }));
  if (account_id === undefined) return where;
  return [...where, { column: "id", is: "in", value: await accountsCalled(rows, account_id) }];
}

/** One provider's id on more accounts than this is no id. */
const NAMESAKES_MAX = 1000;

/** Our ids of the accounts that the provider ever called so. */
export async function accountsCalled(rows: Rows, accountId: string): Promise<readonly string[]> {
  const found = await rows.select(ACCOUNT_IDS, {
    where: [{ column: "account_id", is: "=", value: accountId }],
    orderBy: ["account_id", "account"],
    limit: NAMESAKES_MAX,
  });
  return found.map(({ account }) => String(account));
}

async function balanceAt(
  rows: Rows,
  account: Row,
  position: number,
): Promise<BalanceRecord | null> {
  const [change] = await rows.select(BALANCE_CHANGES, {
    where: [
      { column: "account", is: "=", value: String(account.id) },
      { column: "position", is: "<=", value: position },
    ],
    orderBy: ["account", "position"],
    descending: true,
    limit: 1,
  });
  return change === undefined ? null : balanceRecordAt(account, change);
}
