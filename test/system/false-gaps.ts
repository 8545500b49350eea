import { ACCOUNTS, ENTRIES } from "@counterfoil/processing/models/balances/tables";
import type { Row } from "@counterfoil/processing/ports/model-store";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import type { History } from "@counterfoil/simulator/history/history";
import type { TestLedger } from "./support.ts";
import {
  arrivedMessages,
  changeBetween,
  formatAmount,
  type TrueReport,
  trueBalances,
  trueBooks,
} from "./truth.ts";

type Plan = readonly PlannedDelivery[];

const accountRows = async (ledger: TestLedger): Promise<ReadonlyMap<string, Row>> =>
  new Map((await ledger.rows("balances", ACCOUNTS)).map((row) => [String(row.id), row]));

/** Accounts of which every message arrived, and which are not as the provider has them. */
export async function wronglyKnown(ledger: TestLedger, history: History, plan: Plan) {
  const arrived = arrivedMessages(plan);
  const rows = await accountRows(ledger);
  const balances = trueBalances(history);
  return [...trueBooks(history)].flatMap(([account, reports]) => {
    if (!reports.every(({ message }) => arrived.has(message))) return [];
    const { balance, open_gaps, status } = rows.get(account) ?? {};
    const isRight = balance === balances.get(account) && open_gaps === 0 && status === "continuous";
    return isRight ? [] : [{ account, balance, status, expected: balances.get(account) }];
  });
}

/** Accounts of which the last message arrived, alone at its time, and which do not end with it. */
export async function wrongEnds(ledger: TestLedger, history: History, plan: Plan) {
  const arrived = arrivedMessages(plan);
  const rows = await accountRows(ledger);
  const close = entriesTooClose(await ledger.rows("balances", ENTRIES));
  return [...trueBooks(history)].flatMap(([account, reports]) => {
    const last = reports.at(-1);
    if (last === undefined || !arrived.has(last.message)) return [];
    if (close.has(`${account} run:${last.key}`)) return [];
    const [balance, expected] = [rows.get(account)?.balance, formatAmount(last.balanceAfter)];
    return balance === expected ? [] : [{ account, balance, expected }];
  });
}

type FalseGap = Readonly<{
  account: string;
  /** A snapshot's place is known only as well as the two clocks agree. */
  isBesideSnapshot: boolean;
  /** Times do not say how its sides stand to their neighbours, and amounts cannot where one is lost. */
  isOrderUnknown: boolean;
  after: string;
  before: string;
  missing: string;
  /** What was really lost there. */
  lost: string;
}>;

/** Gaps whose amount is not what was lost, in the provider's books, between their two sides. */
export async function falseGaps(
  ledger: TestLedger,
  history: History,
  plan: Plan,
): Promise<readonly FalseGap[]> {
  const books = trueBooks(history);
  const arrived = arrivedMessages(plan);
  const steps = snapshotSteps(plan);
  const entries = await ledger.rows("balances", ENTRIES);
  const close = entriesTooClose(entries);
  return entries.flatMap(({ account, id, missing, missing_after }) => {
    if (missing === null) return [];
    const book = books.get(String(account)) ?? [];
    const [after, before] = [String(missing_after), String(id)];
    const [from, to] = [placeIn(book, after, steps), placeIn(book, before, steps)];
    const between = book.filter((_, at) => at > from && at < to);
    const isAllLost = between.every(({ message }) => !arrived.has(message));
    const lost = changeBetween(between);
    if (from < to && isAllLost && lost === missing) return [];
    const isBesideSnapshot = [after, before].some((name) => name.startsWith("snapshot:"));
    const isOrderUnknown = [after, before].some((name) => close.has(`${account} ${name}`));
    const gap = { after, before, missing: String(missing), lost, isBesideSnapshot, isOrderUnknown };
    return [{ account: String(account), ...gap }];
  });
}

/** `<account> <entry>` of each whose time is within the clocks' error of its neighbour's. */
function entriesTooClose(entries: readonly Row[]): ReadonlySet<string> {
  const close = new Set<string>();
  for (const [account, rows] of Map.groupBy(entries, (row) => row.account)) {
    const sorted = rows.toSorted((a, b) =>
      Number(BigInt(a.placed_at ?? 0) - BigInt(b.placed_at ?? 0)),
    );
    for (const [at, row] of sorted.entries()) {
      const next = sorted[at + 1];
      if (
        next === undefined ||
        BigInt(next.placed_at ?? 0) - BigInt(row.placed_at ?? 0) > 20_000_000n
      )
        continue;
      close.add(`${account} ${row.id}`).add(`${account} ${next.id}`);
    }
  }
  return close;
}

/** Where an entry really stands among the reports of its account; a snapshot between two. */
function placeIn(
  book: readonly TrueReport[],
  id: string,
  steps: ReadonlyMap<string, number>,
): number {
  const step = steps.get(id);
  if (step === undefined) return book.findIndex(({ key }) => `run:${key}` === id);
  return book.findLastIndex((report) => report.step <= step) + 0.5;
}

/** By the entry's id: the last step that the snapshot knows of. */
function snapshotSteps(plan: Plan): ReadonlyMap<string, number> {
  const steps = new Map<string, number>();
  for (const delivery of plan) {
    if (delivery.kind !== "feed-frame" || delivery.snapshotAfterStep === null) continue;
    const { connection, frame, snapshotAfterStep } = delivery;
    steps.set(`snapshot:${connection}:${frame}`, snapshotAfterStep);
  }
  return steps;
}
