import { describe, expect, test } from "@jest/globals";
import { arrivalsOf } from "./arrivals.ts";
import { arrivedMessages } from "./deliveries.ts";
import { createHardWorld, type HardWorld, trueBalance } from "./hard-world.ts";
import { isExact, knownOf } from "./perfect-reader.ts";

const SEEDS = Array.from({ length: 400 }, (_, at) => at + 1);
const worlds = SEEDS.map((seed) => createHardWorld(seed));

const outlineOf = ({ plan, steps, withdrawals }: HardWorld) => ({
  steps: steps.map(({ run, messages }) => [run, messages.map(({ feed }) => feed)]),
  plan: plan.map((each) => [each.kind, each.arrivesAtNs, "text" in each ? each.text : null]),
  withdrawals,
});

/** What has to happen in some world, and what each is known by. */
const DIFFICULTIES: Readonly<Record<string, (world: HardWorld) => boolean>> = {
  "several runs of one instant": ({ steps }) =>
    steps.some(({ atNs }, at) => at > 0 && steps[at - 1]?.atNs === atNs),
  "times against the true order": ({ steps }) =>
    steps.some(({ run }, at) => (steps[at - 1]?.run?.atNs ?? 0n) > (run?.atNs ?? 0n)),
  "run ids against the true order": ({ steps }) =>
    steps.some(({ run }, at) => Number(steps[at - 1]?.run?.runId ?? 0) > Number(run?.runId)),
  "one run on several accounts": ({ steps }) => steps.some(({ messages }) => messages.length > 1),
  "a run without movements": ({ accounts }) =>
    accounts.some(({ reports }) =>
      reports.some(({ message }) => message.report?.movements.length === 0),
    ),
  "a time of 0": ({ steps }) => steps.some(({ run }) => run?.atNs === 0n),
  "a webhook in seconds": ({ accounts }) =>
    accounts.some(({ reports }) => reports.some(({ message }) => message.report?.isInSeconds)),
  "a snapshot that lists nobody, as null": ({ plan }) =>
    plan.some((each) => each.kind === "feed-frame" && each.text.endsWith('"body":null}')),
  "a snapshot that lists nobody, as []": ({ plan }) =>
    plan.some((each) => each.kind === "feed-frame" && each.text.endsWith('"body":[]}')),
  "a snapshot in two frames": ({ plan }) =>
    plan.some((each) => each.kind === "snapshot-completed" && each.frames === 2),
  "a reconnect that continues": ({ plan }) =>
    plan.some((each) => each.kind === "feed-opened" && each.continues !== null),
  "two feeds": ({ plan }) =>
    new Set(plan.flatMap((each) => (each.kind === "webhook" ? [] : [each.feed]))).size === 2,
  "a withdrawal with a fee": ({ withdrawals }) =>
    withdrawals.some(({ amount, settledAmount }) => (settledAmount ?? amount) < amount),
  "a withdrawal given back": ({ withdrawals }) =>
    withdrawals.some(({ outcome }) => outcome === "returned"),
};

describe("hard worlds", () => {
  test("equal seeds give equal worlds", () => {
    for (const seed of SEEDS.slice(0, 40)) {
      expect(outlineOf(createHardWorld(seed))).toEqual(outlineOf(createHardWorld(seed)));
    }
  });

  test("the books add up, and nobody is overdrawn", () => {
    for (const { accounts } of worlds) {
      for (const { opening, reports } of accounts) {
        let balance = opening;
        for (const { change, balanceAfter } of reports) {
          balance += change;
          expect(balanceAfter).toBe(balance);
          expect(balance >= 0n).toBe(true);
        }
      }
    }
  });

  test("what reached a reader before it opened a connection is in that connection's snapshot", () => {
    for (const { accounts, plan } of worlds) {
      const steps = new Map(
        accounts.flatMap(({ reports }) => reports.map(({ message, step }) => [message, step])),
      );
      const snapshots = plan.filter((each) => each.kind === "feed-frame" && each.listed !== null);
      for (const [at, opened] of plan.entries()) {
        if (opened.kind !== "feed-opened") continue;
        const known = [...arrivedMessages(plan.slice(0, at))].map(
          (message) => steps.get(message) ?? -1,
        );
        for (const snapshot of snapshots) {
          if (snapshot.kind !== "feed-frame" || snapshot.connection !== opened.connection) continue;
          expect(snapshot.snapshotAfterStep).toBeGreaterThanOrEqual(Math.max(-1, ...known));
        }
      }
    }
  });

  test.each(Object.entries(DIFFICULTIES))("have %s", (_, isMet) => {
    expect(worlds.filter(isMet).length).toBeGreaterThan(3);
  });
});

describe("a perfect reader", () => {
  test("finds the true end where all arrived and no clock errs by more than it may", () => {
    let found = 0;
    for (const { accounts, plan } of worlds) {
      for (const account of accounts) {
        const arrivals = arrivalsOf(account, plan);
        const isWhole = arrivals.reports.length === account.reports.length;
        const { isDecided, ends } = knownOf(arrivals);
        if (arrivals.reports.length === 0 || !isWhole || !isDecided) continue;
        if (!isExact(arrivals, account)) continue;
        found += 1;
        expect(ends).toContain(trueBalance(account));
      }
    }
    expect(found).toBeGreaterThan(400);
  });

  test("knows of a loss between two runs", () => {
    const quiet = {
      runs: 12,
      webhookLossRate: 0,
      lossBursts: 0,
      losesEnd: false,
      feeds: 0,
    } as const;
    const { accounts, plan } = createHardWorld("a loss", {
      ...quiet,
      pockets: 1,
      withdrawalRate: 0,
      netZeroRate: 0,
      emptyRate: 0,
      burstRate: 0,
      instantRate: 0,
      jitterMs: 0,
    });
    const [account] = accounts;
    if (account === undefined) throw new Error("a world without accounts");
    const lost = account.reports[5]?.message;
    const withoutOne = plan.filter((each) => each.kind !== "webhook" || each.message !== lost);
    expect(knownOf(arrivalsOf(account, plan)).ends).toEqual(new Set([trueBalance(account)]));
    expect(knownOf(arrivalsOf(account, withoutOne)).ends.size).toBe(0);
  });
});
