import type { TotalRecord } from "@counterfoil/contracts/record";
import { add, formatMoney, type Money, moneyOf, ZERO } from "@counterfoil/core/exact/money";
import {
  ACCOUNTS,
  BALANCE_CHANGES,
  isUncertain,
  TOTAL_CHANGES,
  TOTAL_SUMS,
  TOTALS,
} from "../models/balances/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Condition, Row, Rows } from "../ports/model-store.ts";
import { everyRow } from "../projection/selection.ts";
import { lastChange } from "./moment.ts";
import type { Platform } from "./platform.ts";

/** The columns that sums can be grouped by. They are always grouped by asset, too. */
export const TOTAL_GROUPS = ["account_type", "account_group", "provider"] as const;
export type TotalGroup = (typeof TOTAL_GROUPS)[number];

export type TotalsQuery = Readonly<{
  groupBy: readonly TotalGroup[];
  /** Each column has one of these values; a column without a filter may have any. */
  filters: Readonly<Partial<Record<TotalGroup | "asset", readonly string[]>>>;
  platform: Platform;
  /** The position up to which facts count; all if omitted. */
  position?: number | undefined;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Number of totals read before yielding: there may be one for each combination of group, type and
 * asset.
 */
const PAGE = 200;

/**
 * Exact sums over accounts, per asset. An account without a known balance is counted and adds
 * nothing. Layer1 states the money of an address twice, see `BOTH_OTHERS`. Only totals are read, however many accounts there are; at a past position, the last
 * change of each.
 *
 * @returns one record for each group that has an account, in the order of asset, type, group,
 *   provider
 */
export async function readTotals(rows: Rows, query: TotalsQuery): Promise<readonly TotalRecord[]> {
  const sums = new Map<string, Sum>();
  const { groupBy, filters } = query;
  const isByType = groupBy.includes("account_type") || filters.account_type !== undefined;
  for (const where of eitherTotal(query)) {
    let read = 0;
    for await (const { total, count } of everyTotal(rows, where, query.position)) {
      const isSummed = isByType || !repeatsOthers(total);
      if (isSummed && count !== null) addTo(sums, groupOf(total, groupBy), count);
      read += 1;
      if (read % PAGE === 0) await query.nextTurn();
    }
  }
  const known = [...sums.values()].filter(({ accounts }) => accounts > 0);
  return known.sort(byGroup).map(totalRecord);
}

/**
 * The fund type of Layer1 that is the sum of the two others, available and reserved. Unless types are
 * asked for, it would count the same money again.
 */
const BOTH_OTHERS = "blockchain";

const repeatsOthers = ({ provider, account_type }: Row): boolean =>
  provider === "layer1" && account_type === BOTH_OTHERS;

type TotalCount = Readonly<{
  total: string;
  accounts: number;
  withGaps: number;
  /** null if an older version of the model kept the sum, which did not count them. */
  uncertain: number | null;
}>;

/** Totals that meet the conditions, each with the sum over its accounts; null if it has none. */
export async function* everyTotal(
  rows: Rows,
  where: readonly Condition[],
  position?: number,
): AsyncGenerator<Readonly<{ total: Row; count: TotalCount | null }>> {
  const orderBy = ["participant_code", "account_group", "id"];
  for await (const total of everyRow(rows, TOTALS, { where, orderBy, limit: PAGE })) {
    yield { total, count: await countAt(rows, total, position) };
  }
}

/** A platform sees the totals of its group, and those of its own accounts in other groups. */
function eitherTotal({ filters, platform }: TotalsQuery): readonly (readonly Condition[])[] {
  const where = Object.entries(filters).map(
    ([column, value]): Condition => ({ column, is: "in", value }),
  );
  const equal = (column: string, value: string): Condition => ({ column, is: "=", value });
  const all = equal("participant_code", "");
  if (platform === null) return [[all, ...where]];
  return [
    [all, equal("account_group", platform), ...where],
    [equal("participant_code", platform), ...where],
  ];
}

/** A total now or at a position; null if it had no account by then. */
function countAt(rows: Rows, total: Row, position: number | undefined): Promise<TotalCount | null> {
  const { id, account, summed_since: since } = total;
  const isSummed = since !== null && (position === undefined || Number(since) <= position);
  return isSummed ? sumAt(rows, String(id), position) : accountAt(rows, String(account), position);
}

async function sumAt(
  rows: Rows,
  id: string,
  position: number | undefined,
): Promise<TotalCount | null> {
  const sum = await rows.get(TOTAL_SUMS, [id]);
  const isNow = position === undefined || Number(sum?.position) <= position;
  const then = isNow ? sum : await lastChange(rows, TOTAL_CHANGES, ["id", id], position);
  if (then === null) return null;
  const { total, accounts, accounts_with_gaps, accounts_uncertain: uncertain } = then;
  return {
    total: String(total),
    accounts: Number(accounts),
    withGaps: Number(accounts_with_gaps),
    uncertain: uncertain === null || uncertain === undefined ? null : Number(uncertain),
  };
}

/** The count of a total with one account; null if no fact about the account is known. */
async function accountAt(
  rows: Rows,
  id: string,
  position: number | undefined,
): Promise<TotalCount | null> {
  const row =
    position === undefined
      ? await rows.get(ACCOUNTS, [id])
      : await lastChange(rows, BALANCE_CHANGES, ["account", id], position);
  if (row === null || row.status === null) return null;
  return {
    total: String(row.balance ?? 0),
    accounts: 1,
    withGaps: Number(Number(row.open_gaps) > 0),
    uncertain: Number(isUncertain(row.status ?? null)),
  };
}

type Group = Pick<TotalRecord, "asset" | TotalGroup>;
type Sum = { readonly group: Group; total: Money } & {
  -readonly [K in Exclude<keyof TotalCount, "total">]: TotalCount[K];
};

function groupOf(total: Row, groupBy: readonly TotalGroup[]): Group {
  const named = TOTAL_GROUPS.filter((name) => groupBy.includes(name));
  const values = named.map((name) => [name, total[name] === "" ? null : total[name]]);
  return { asset: String(total.asset), ...Object.fromEntries(values) };
}

function addTo(sums: Map<string, Sum>, group: Group, count: TotalCount): void {
  const key = JSON.stringify(Object.values(group));
  const sum = sums.get(key) ?? { group, total: ZERO, accounts: 0, withGaps: 0, uncertain: 0 };
  sum.total = add(sum.total, moneyOf(count.total));
  sum.accounts += count.accounts;
  sum.withGaps += count.withGaps;
  const { uncertain } = count;
  sum.uncertain = sum.uncertain === null || uncertain === null ? null : sum.uncertain + uncertain;
  sums.set(key, sum);
}

function byGroup({ group: a }: Sum, { group: b }: Sum): number {
  for (const name of ["asset", ...TOTAL_GROUPS] as const) {
    const [left, right] = [a[name] ?? "", b[name] ?? ""];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

const totalRecord = ({ group, total, accounts, withGaps, uncertain }: Sum): TotalRecord => ({
  ...group,
  total: formatMoney(total),
  accounts,
  accounts_with_gaps: withGaps,
  accounts_uncertain: uncertain,
});
