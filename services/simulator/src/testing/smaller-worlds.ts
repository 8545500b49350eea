import type { HistoryMessage } from "../history/history.ts";
import { type HardFrame, snapshotFrame } from "./hard-deliveries.ts";
import type { HardAccount, HardDelivery, HardWorld } from "./hard-world.ts";

/**
 * Reduced worlds, largest reductions first; each is a consistent world with true balances. To minimise
 * a failing world, repeatedly take the first reduced world that also fails.
 */
export function* smallerWorlds(world: HardWorld): Generator<HardWorld> {
  const { accounts, steps, plan } = world;
  if (accounts.length > 1) {
    for (const ofCustomer of Map.groupBy(accounts, byCustomer).values()) {
      if (ofCustomer.length < accounts.length) yield ofAccounts(world, ofCustomer);
    }
    for (const account of accounts) yield ofAccounts(world, [account]);
  }
  const [first, last] = [steps[0]?.index ?? 0, steps.at(-1)?.index ?? 0];
  for (const length of lengthsBelow(steps.length)) {
    yield between(world, first, first + length - 1);
    const start = last - length + 1;
    if (isClean(world, start)) yield between(world, start, last);
  }
  for (const each of plan) {
    if (each.kind === "feed-opened") yield withoutConnections(world, new Set([each.connection]));
  }
  const messages = plan.filter(isMessage);
  for (const length of lengthsBelow(messages.length).toReversed()) {
    if (length > messages.length / 2) continue;
    for (let at = 0; at < messages.length; at += length) {
      const dropped = new Set<HardDelivery>(messages.slice(at, at + length));
      yield { ...world, plan: plan.filter((each) => !dropped.has(each)) };
    }
  }
}

const byCustomer = ({ account }: HardAccount): string => account.participantCode;

/** Lengths from 1 to one less than all, denser towards both ends. */
function lengthsBelow(length: number): readonly number[] {
  const lengths = new Set<number>();
  for (let part = length >> 1; part > 0; part >>= 1) lengths.add(part).add(length - part);
  return [...lengths].sort((a, b) => a - b);
}

/** Whether every withdrawal that began before the step also ends before it. */
const isClean = ({ withdrawals }: HardWorld, step: number): boolean =>
  withdrawals.every(({ heldAt, endedAt }) => heldAt >= step || (endedAt ?? -1) < step);

function isMessage(delivery: HardDelivery): boolean {
  if (delivery.kind === "webhook") return true;
  return delivery.kind === "feed-frame" && delivery.message !== null;
}

function ofAccounts(world: HardWorld, accounts: readonly HardAccount[]): HardWorld {
  const own = new Set(accounts.flatMap(({ reports }) => reports.map(({ message }) => message)));
  const ids = new Set(accounts.map(({ account }) => account.accountId));
  const steps = world.steps.map((step) => ({
    ...step,
    messages: step.messages.filter((message) => own.has(message)),
  }));
  const plan = onlyAbout(own, world.plan).map((delivery) =>
    delivery.kind === "feed-frame" && delivery.listed !== null
      ? listingOnly(delivery, ids)
      : delivery,
  );
  const withdrawals = world.withdrawals.filter(({ account }) => ids.has(account.accountId));
  return { ...world, accounts, steps, plan, withdrawals };
}

function listingOnly(frame: HardFrame, ids: ReadonlySet<string>): HardFrame {
  const listed = (frame.listed ?? []).filter(({ account }) => ids.has(account.accountId));
  return snapshotFrame(frame, { listed, afterStep: frame.snapshotAfterStep ?? -1, isNull: true });
}

/** Only the steps of a range. Connections with snapshots of other times are removed. */
function between(world: HardWorld, first: number, last: number): HardWorld {
  const isKept = (step: number) => step >= first && step <= last;
  const steps = world.steps.filter(({ index }) => isKept(index));
  const accounts = world.accounts.map((account) => {
    const opening = account.reports.findLast(({ step }) => step < first)?.balanceAfter;
    const reports = account.reports.filter(({ step }) => isKept(step));
    return { ...account, opening: opening ?? account.opening, reports };
  });
  const withdrawals = world.withdrawals
    .filter(({ heldAt }) => isKept(heldAt))
    .map((each) =>
      isKept(each.endedAt ?? last)
        ? each
        : { ...each, endedAt: null, settledAmount: null, outcome: "pending" as const },
    );
  const elsewhere = world.plan.flatMap((each) => {
    if (each.kind !== "feed-frame" || each.snapshotAfterStep === null) return [];
    const { snapshotAfterStep: after, connection } = each;
    return after >= first - 1 && after <= last ? [] : [connection];
  });
  const own = new Set(steps.flatMap(({ messages }) => messages));
  const plan = onlyAbout(own, world.plan);
  return withoutConnections({ ...world, steps, accounts, withdrawals, plan }, new Set(elsewhere));
}

function onlyAbout(
  messages: ReadonlySet<HistoryMessage>,
  plan: readonly HardDelivery[],
): readonly HardDelivery[] {
  return plan.filter((delivery) => {
    const isAbout = delivery.kind === "webhook" || delivery.kind === "feed-frame";
    return !isAbout || delivery.message === null || messages.has(delivery.message);
  });
}

function withoutConnections(world: HardWorld, gone: ReadonlySet<string>): HardWorld {
  const plan = world.plan.flatMap((delivery): HardDelivery[] => {
    if (delivery.kind === "webhook") return [delivery];
    if (gone.has(delivery.connection)) return [];
    if (delivery.kind !== "feed-opened" || !gone.has(delivery.continues ?? "")) return [delivery];
    return [{ ...delivery, continues: null }];
  });
  return { ...world, plan };
}
