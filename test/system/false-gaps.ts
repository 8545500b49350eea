import { ACCOUNTS, ENTRIES } from "@counterfoil/processing/models/balances/tables";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import type { History } from "@counterfoil/simulator/history/history";
import type { TestLedger } from "./support.ts";
import { arrivedMessages, changeBetween, formatAmount, trueBalances, trueBooks } from "./truth.ts";

/** Accounts of which every message arrived, and which are not as the provider has them. */
export async function wronglyKnown(
  ledger: TestLedger,
  history: History,
  plan: readonly PlannedDelivery[],
) {
  const arrived = arrivedMessages(plan);
  const rows = new Map((await ledger.rows("balances", ACCOUNTS)).map((row) => [row.id, row]));
  const balances = trueBalances(history);
  return [...trueBooks(history)].flatMap(([account, reports]) => {
    if (!reports.every(({ message }) => arrived.has(message))) return [];
    const { balance, open_gaps, status } = rows.get(account) ?? {};
    const isRight = balance === balances.get(account) && open_gaps === 0 && status === "continuous";
    return isRight ? [] : [[account, balance, status, balances.get(account)]];
  });
}

/** Gaps whose amount is not what the provider's books have between their two sides. */
export async function falseGaps(
  ledger: TestLedger,
  history: History,
  plan: readonly PlannedDelivery[],
) {
  const books = trueBooks(history);
  const arrived = arrivedMessages(plan);
  const stepOf = snapshotSteps(plan);
  const wrong: unknown[] = [];
  for (const row of await ledger.rows("balances", ENTRIES)) {
    if (row.missing === null) continue;
    const book = books.get(String(row.account)) ?? [];
    const placeOf = (id: string) => {
      if (!id.startsWith("snapshot:")) return book.findIndex(({ key }) => key === id.slice(4));
      const step = stepOf.get(id.slice("snapshot:".length)) ?? -1;
      return book.findLastIndex((report) => report.step <= step) + 0.5;
    };
    const [from, to] = [placeOf(String(row.missing_after)), placeOf(String(row.id))];
    const between = book.filter((_, at) => at > from && at < to);
    const lost = between.filter(({ message }) => !arrived.has(message));
    if (from < to && changeBetween(lost) === row.missing && lost.length === between.length)
      continue;
    wrong.push({
      account: row.account,
      from: [from, row.missing_after],
      to: [to, row.id],
      missing: row.missing,
      lost: changeBetween(lost),
      heard: between.length - lost.length,
    });
  }
  return wrong;
}

function snapshotSteps(plan: readonly PlannedDelivery[]): ReadonlyMap<string, number> {
  const steps = new Map<string, number>();
  for (const delivery of plan) {
    if (delivery.kind !== "feed-frame" || delivery.snapshotAfterStep === null) continue;
    steps.set(`${delivery.connection}:${delivery.frame}`, delivery.snapshotAfterStep);
  }
  return steps;
}

/** Accounts whose last message arrived, and whose balance is another. */
export async function wrongEnds(
  ledger: TestLedger,
  history: History,
  plan: readonly PlannedDelivery[],
) {
  const arrived = arrivedMessages(plan);
  const rows = new Map((await ledger.rows("balances", ACCOUNTS)).map((row) => [row.id, row]));
  return [...trueBooks(history)].flatMap(([account, reports]) => {
    const last = reports.at(-1);
    if (last === undefined || !arrived.has(last.message)) return [];
    const balance = rows.get(account)?.balance;
    return balance === formatAmount(last.balanceAfter)
      ? []
      : [[account, balance, formatAmount(last.balanceAfter)]];
  });
}
