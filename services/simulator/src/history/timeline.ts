import { type Amount, formatAmount } from "../decimal.ts";
import type { Book } from "./books.ts";
import type { AccountBalance, HistoryStep, ZeroHashAccount } from "./history.ts";

/** The balance of every account at every step: for each account, when it changed and to what. */
export type Timeline = Readonly<{
  /** Steps are added in their order. */
  add: (step: HistoryStep) => void;
  /** -1 is before all steps. */
  balancesAfter: (step: number) => readonly AccountBalance[];
}>;

type AccountLine = {
  readonly account: ZeroHashAccount;
  readonly opening: Amount;
  /** Of each report, rising. */
  readonly steps: number[];
  readonly balances: Amount[];
};

/** `opened` are the books before the first step; the rest is learned from the steps. */
export function createTimeline(opened: readonly Pick<Book, "account" | "balance">[]): Timeline {
  const lines = new Map<string, AccountLine>();
  const lineOf = (account: ZeroHashAccount, opening: Amount): AccountLine => {
    const known = lines.get(account.accountId);
    if (known !== undefined) return known;
    const line = { account, opening, steps: [], balances: [] };
    lines.set(account.accountId, line);
    return line;
  };
  for (const { account, balance } of opened) lineOf(account, balance);
  return {
    add(step) {
      for (const { report } of step.messages) {
        if (report === undefined) continue;
        const line = lineOf(report.account, 0n);
        line.steps.push(step.index);
        line.balances.push(report.balanceAfter);
      }
    },
    balancesAfter(step) {
      return [...lines.values()].map((line) => {
        const reports = countUpTo(line.steps, step);
        const balance = line.balances[reports - 1] ?? line.opening;
        return balanceOf(line.account, { balance, reports });
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
