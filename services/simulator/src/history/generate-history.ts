import { type Amount, formatAmount, nsOfMs } from "../exact.ts";
import { depositFlow, withdrawalFlow } from "./flows/external-flows.ts";
import { netSettlementFlow, tradeFlow, transferFlow } from "./flows/internal-flows.ts";
import { layer1DepositFlow, layer1WithdrawalFlow } from "./flows/layer1-flows.ts";
import {
  type AccountBalance,
  type DepositTruth,
  type FinalBalances,
  type History,
  type HistoryOptions,
  type HistoryStep,
  historyOptions,
  type Layer1TransferTruth,
  type TradeTruth,
  type WithdrawalTruth,
  type ZeroHashAccount,
} from "./history.ts";
import { createWorld, type Flow, type FlowStep, layer1BalanceOf, type World } from "./world.ts";
import { accountsOf, type ProviderAccount } from "./zero-hash-ledger.ts";

/** A complete history with its true outcomes; equal options give equal histories. */
export function generateHistory(given: Partial<HistoryOptions> = {}): History {
  const options = historyOptions(given);
  const outcomes = {
    withdrawals: [] as WithdrawalTruth[],
    deposits: [] as DepositTruth[],
    trades: [] as TradeTruth[],
    layer1Transfers: [] as Layer1TransferTruth[],
  };
  const world = createWorld(options, {
    withdrawal: (truth) => outcomes.withdrawals.push(truth),
    deposit: (truth) => outcomes.deposits.push(truth),
    trade: (truth) => outcomes.trades.push(truth),
    layer1Transfer: (truth) => outcomes.layer1Transfers.push(truth),
  });
  const timeline = createTimeline(accountsOf(world.wallets));
  const startBalances = timeline.balancesAfter(-1);
  const steps: HistoryStep[] = [];
  for (const step of stepsOf(world)) {
    timeline.add(step);
    steps.push(step);
  }
  const balancesAfterStep = timeline.balancesAfter;
  return {
    options,
    startBalances,
    steps,
    truth: { ...outcomes, ...finalBalances(world), balancesAfterStep },
  };
}

/** The steps of a world in their true order. */
function* stepsOf(world: World): Generator<HistoryStep, void, void> {
  const agenda: Agenda<Resume> = createAgenda();
  const starts = flowStarts(world);
  let start = starts.next();
  let index = 0;
  for (;;) {
    const dueNs = agenda.nextNs();
    if (!start.done && (dueNs === null || start.value.atNs <= dueNs)) {
      agenda.add(start.value.atNs, resumeOf(world, start.value));
      start = starts.next();
      continue;
    }
    const due = agenda.take();
    if (due === null) return;
    const step = due.item(due.atNs);
    if (step === null) continue;
    // A step without messages is skipped, because no receiver could see it.
    if (step.messages.length > 0) {
      yield stepOf(step, { index, atNs: due.atNs });
      index += 1;
    }
    agenda.add(due.atNs + nsOfMs(step.thenMs), due.item);
  }
}

function finalBalances(world: World): FinalBalances {
  return {
    balances: accountsOf(world.wallets).map((account) => balanceOf(account.fields, account)),
    layer1Balances: world.layer1Accounts.map(layer1BalanceOf),
  };
}

/** Resumes a flow; null when it has ended. */
type Resume = (nowNs: bigint) => FlowStep | null;

function resumeOf(world: World, start: FlowStart): Resume {
  let flow: ReturnType<FlowStart["begin"]> | null = null;
  return (nowNs) => {
    if (flow === null) {
      if (!start.isBurst) world.focus = null;
      flow = start.begin(world, nowNs);
    }
    const { done, value } = flow.next(nowNs);
    return done ? null : value;
  };
}

function stepOf(step: FlowStep, { index, atNs }: Readonly<{ index: number; atNs: bigint }>) {
  const { messages, run } = step;
  return run === undefined ? { index, atNs, messages } : { index, atNs, run, messages };
}

type FlowStart = Readonly<{
  atNs: bigint;
  begin: (world: World, startNs: bigint) => Flow;
  /** Starts within 20 ms of the previous flow, and on its account if possible. */
  isBurst: boolean;
}>;

const BURST_GAP_MS = 20;
const SHARE_SAME_INSTANT = 0.3;

/** The start times of all flows; each kind occurs as often as requested, in a random order. */
function* flowStarts({ options, random }: World): Generator<FlowStart> {
  const kinds = kindsOf(options);
  let remaining = kinds.reduce((sum, kind) => sum + kind.remaining, 0);
  let atNs = options.startAtNs;
  let isFirst = true;
  for (; remaining > 0; remaining -= 1) {
    const isBurst = !isFirst && random.chance(options.burstRate);
    const gapMs = isBurst ? burstGapMs() : 0.001 + random.exponential(options.meanGapMs);
    // Only Layer1 prints times below the microsecond, so they have random nanoseconds.
    atNs += nsOfMs(gapMs) + (isBurst ? 0n : BigInt(random.below(1_000)));
    isFirst = false;
    yield { atNs, begin: draw(), isBurst };
  }

  function burstGapMs(): number {
    return random.chance(SHARE_SAME_INSTANT) ? 0 : random.below(BURST_GAP_MS * 1_000) / 1_000;
  }

  function draw(): FlowStart["begin"] {
    let nth = random.below(remaining);
    for (const kind of kinds) {
      if (nth < kind.remaining) {
        kind.remaining -= 1;
        return kind.begin;
      }
      nth -= kind.remaining;
    }
    throw new Error("the counts of the kinds do not add up");
  }
}

type Kind = { readonly begin: FlowStart["begin"]; remaining: number };

function kindsOf(options: HistoryOptions): readonly Kind[] {
  return [
    { begin: depositFlow, remaining: options.deposits },
    { begin: withdrawalFlow, remaining: options.withdrawals },
    { begin: transferFlow, remaining: options.transfers },
    { begin: tradeFlow, remaining: options.trades },
    { begin: netSettlementFlow, remaining: options.netSettlementRuns },
    { begin: layer1DepositFlow, remaining: options.layer1Deposits },
    { begin: layer1WithdrawalFlow, remaining: options.layer1Withdrawals },
  ];
}

/** The balance of every account at every step, stored as the changes of each account. */
type Timeline = Readonly<{
  /** Adds a step; steps are added in order. */
  add: (step: HistoryStep) => void;
  /** -1 is before all steps. */
  balancesAfter: (step: number) => readonly AccountBalance[];
}>;

type AccountTimeline = {
  readonly account: ZeroHashAccount;
  readonly opening: Amount;
  /** The step of each report, rising. */
  readonly steps: number[];
  readonly balances: Amount[];
};

/** `opened` are the accounts before the first step; steps add the others. */
function createTimeline(opened: readonly Pick<ProviderAccount, "fields" | "balance">[]): Timeline {
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

function balanceOf(
  account: ZeroHashAccount,
  { balance, reports }: Readonly<{ balance: Amount; reports: number }>,
): AccountBalance {
  return { ...account, balance: formatAmount(balance), reports };
}

/** How many of the rising numbers are at most `limit`, by binary search. */
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

/** A priority queue by time; items with equal times keep their order of insertion. */
type Agenda<T> = Readonly<{
  add: (atNs: bigint, item: T) => void;
  /** The time of the earliest item; null if the queue is empty. */
  nextNs: () => bigint | null;
  take: () => Readonly<{ atNs: bigint; item: T }> | null;
}>;

type Slot<T> = Readonly<{ atNs: bigint; order: number; item: T }>;

/** A binary heap, because thousands of flows are active at a time. */
export function createAgenda<T>(): Agenda<T> {
  const heap: Slot<T>[] = [];
  let added = 0;
  return {
    add(atNs, item) {
      added += 1;
      heap.push({ atNs, order: added, item });
      siftUp(heap);
    },
    nextNs: () => heap[0]?.atNs ?? null,
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return null;
      if (heap.length > 0) {
        heap[0] = last;
        siftDown(heap);
      }
      return first;
    },
  };
}

function isBefore<T>(a: Slot<T>, b: Slot<T>): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}

function siftUp<T>(heap: Slot<T>[]): void {
  let child = heap.length - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapIfBefore(heap, child, parent)) return;
    child = parent;
  }
}

function siftDown<T>(heap: Slot<T>[]): void {
  let parent = 0;
  for (;;) {
    const left = 2 * parent + 1;
    const right = left + 1;
    const [leftSlot, rightSlot] = [heap[left], heap[right]];
    if (leftSlot === undefined) return;
    const isRight = rightSlot !== undefined && isBefore(rightSlot, leftSlot);
    const child = isRight ? right : left;
    if (!swapIfBefore(heap, child, parent)) return;
    parent = child;
  }
}

function swapIfBefore<T>(heap: Slot<T>[], child: number, parent: number): boolean {
  const below = heap[child] as Slot<T>;
  const above = heap[parent] as Slot<T>;
  if (!isBefore(below, above)) return false;
  heap[child] = above;
  heap[parent] = below;
  return true;
}
