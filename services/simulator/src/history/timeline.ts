import { type Amount, formatAmount } from "../decimal.ts";
import type { ProviderAccount } from "./accounts.ts";
import type { AccountBalance, HistoryStep, ZeroHashAccount } from "./history.ts";

/** The balance of every account at every step: for each account, when it changed and to what. */
export type Timeline = Readonly<{
  /** Steps are added in their order. */
  add: (step: HistoryStep) => void;
  /** -1 is before all steps. */
  balancesAfter: (step: number) => readonly AccountBalance[];
}>;

type AccountTimeline = {
  readonly account: ZeroHashAccount;
  readonly opening: Amount;
  /** Of each report, rising. */
  readonly steps: number[];
  readonly balances: Amount[];
};

/** `opened` are the accounts before the first step; the steps bring the others. */
export function createTimeline(
  opened: readonly Pick<ProviderAccount, "fields" | "balance">[],
): Timeline {
  const accounts = new Map<string, AccountTimeline>();
  const timelineOf = (account: ZeroHashAccount, opening: Amount): AccountTimeline => {
    const known = accounts.get(account.accountId);
    if (known !== undefined) return known;
    const timeline = { account, opening, steps: [], balances: [] };
    accounts.set(account.accountId, timeline);
    return timeline;
  };
  for (const { fields, balance } of opened) timelineOf(fields, balance);
  return {
    add(step) {
      for (const { report } of step.messages) {
        if (report === undefined) continue;
        const { steps, balances } = timelineOf(report.account, 0n);
        steps.push(step.index);
        balances.push(report.balanceAfter);
      }
    },
    balancesAfter(step) {
      return [...accounts.values()].map(({ account, opening, steps, balances }) => {
        const reports = countUpTo(steps, step);
        const balance = balances[reports - 1] ?? opening;
        return balanceOf(account, { balance, reports });
      });
    },
  };
}

export function balanceOf(
  account: ZeroHashAccount,
  { balance, reports }: Readonly<{ balance: Amount; reports: number }>,
): AccountBalance {
  return { ...account, balance: formatAmount(balance), reports };
}

/** How many of the rising numbers are at most `limit`, by halving. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
