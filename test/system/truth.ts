import { layer1AccountId, zeroHashAccountId } from "@counterfoil/core/account";
import { formatTime } from "@counterfoil/core/exact/time";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { type Amount, formatAmount } from "@counterfoil/simulator/exact";
import type {
  BalanceReport,
  History,
  HistoryMessage,
  Layer1Report,
} from "@counterfoil/simulator/history/history";

/** One report of an account as the provider's own books have it. */
export type TrueReport = Readonly<{
  step: number;
  /** The run's id; of Layer1, the envelope's time. */
  key: string;
  change: Amount;
  balanceAfter: Amount;
  message: HistoryMessage;
}>;

/** Every account's reports in their true order, by our id of the account. */
export function trueBooks(history: History): ReadonlyMap<string, readonly TrueReport[]> {
  const books = new Map<string, TrueReport[]>();
  for (const { index, messages } of history.steps) {
    for (const message of messages) {
      for (const { account, ...report } of reportsIn(message)) {
        const book = books.get(account) ?? [];
        books.set(account, book);
        book.push({ ...report, step: index, message });
      }
    }
  }
  return books;
}

type Stated = Pick<TrueReport, "key" | "change" | "balanceAfter"> & Readonly<{ account: string }>;

function reportsIn({ report, layer1Report }: HistoryMessage): readonly Stated[] {
  if (report) return [zeroHashReport(report)];
  return layer1Report ? layer1Reports(layer1Report) : [];
}

function zeroHashReport({ account, run, movements, balanceAfter }: BalanceReport): Stated {
  const change = movements.reduce((sum, movement) => sum + movement.change, 0n);
  return { account: accountOf(account), key: run.runId, change, balanceAfter };
}

function layer1Reports({ address, asset, atNs, funds, deltas }: Layer1Report): readonly Stated[] {
  return (["available", "reserved", "blockchain"] as const).map((fund) => ({
    account: layer1AccountId(address, asset, fund),
    key: formatTime(atNs),
    change: deltas[fund],
    balanceAfter: funds[fund],
  }));
}

export function accountOf(account: BalanceReport["account"]): string {
  return zeroHashAccountId({
    participant_code: account.participantCode,
    account_group: account.accountGroup,
    account_label: account.accountLabel,
    account_type: account.accountType,
    asset: account.asset,
  });
}

/** What each account holds in the end, by our id; those that were reported. */
export function trueBalances({ truth }: History): ReadonlyMap<string, string> {
  const balances = new Map<string, string>();
  for (const account of truth.balances) {
    if (account.reports > 0) balances.set(accountOf(account), account.balance);
  }
  for (const { address, asset, reports, ...funds } of truth.layer1Balances) {
    if (reports === 0) continue;
    for (const fund of ["available", "reserved", "blockchain"] as const) {
      balances.set(layer1AccountId(address, asset, fund), funds[fund]);
    }
  }
  return balances;
}

/** The messages that some delivery of the plan brings. */
export function arrivedMessages(plan: Iterable<PlannedDelivery>): ReadonlySet<HistoryMessage> {
  const arrived = new Set<HistoryMessage>();
  for (const delivery of plan) {
    const isMessage = delivery.kind === "webhook" || delivery.kind === "feed-frame";
    if (isMessage && delivery.message !== null) arrived.add(delivery.message);
  }
  return arrived;
}

/** What the runs between two places of a book changed. */
export function changeBetween(reports: readonly TrueReport[]): string {
  return formatAmount(reports.reduce((sum, { change }) => sum + change, 0n));
}

export { formatAmount };
