import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Amount, formatAmount, NS_PER_MS, nsOfMs, parseAmount } from "../exact.ts";
import { generateHistory } from "./generate-history.ts";
import type { BalanceReport, History, HistoryOptions } from "./history.ts";

/** Dense and full of bursts, so that few flows show much. */
const options = fc.record({
  seed: fc.integer(),
  participants: fc.integer({ min: 1, max: 6 }),
  deposits: fc.integer({ min: 0, max: 25 }),
  withdrawals: fc.integer({ min: 0, max: 25 }),
  transfers: fc.integer({ min: 0, max: 25 }),
  trades: fc.integer({ min: 0, max: 12 }),
  netSettlementRuns: fc.integer({ min: 0, max: 2 }),
  layer1Addresses: fc.integer({ min: 1, max: 4 }),
  layer1Deposits: fc.integer({ min: 0, max: 10 }),
  layer1Withdrawals: fc.integer({ min: 0, max: 10 }),
  meanGapMs: fc.constantFrom(1, 30, 800),
  burstRate: fc.constantFrom(0, 0.3, 0.9),
  clockErrorMs: fc.constantFrom(0, 15, 20),
});

function holdsForAll(law: (history: History, given: Partial<HistoryOptions>) => void): void {
  fc.assert(
    fc.property(options, (given) => law(generateHistory(given), given)),
    { numRuns: 40 },
  );
}

function reportsOf(history: History): BalanceReport[] {
  return history.steps.flatMap((step) =>
    step.messages.flatMap(({ report }) => (report === undefined ? [] : [report])),
  );
}

function sumOf(amounts: readonly Amount[]): Amount {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

/** Indices of the reports in groups, as a consumer that knows only the times makes them. */
function groupsOf(times: readonly bigint[]): number[][] {
  const order = [...times.keys()].toSorted((a, b) => Number((times[a] ?? 0n) - (times[b] ?? 0n)));
  const groups: number[][] = [];
  for (const index of order) {
    const group = groups.at(-1);
    const before = times[group?.at(-1) ?? -1] ?? -(10n ** 12n);
    const isNear = (times[index] ?? 0n) - before <= 20n * NS_PER_MS;
    if (group !== undefined && isNear && group.length < 8) group.push(index);
    else groups.push([index]);
  }
  return groups;
}

describe("every history", () => {
  test("the reports of an account chain: balance before, changes, balance after", () => {
    holdsForAll((history) => {
      const balances = new Map(
        history.startBalances.map(({ accountId, balance }) => [accountId, parseAmount(balance)]),
      );
      for (const { account, movements, balanceAfter } of reportsOf(history)) {
        const change = sumOf(movements.map((movement) => movement.change));
        const expected = (balances.get(account.accountId) ?? 0n) + change;
        expect(balanceAfter).toBe(expected);
        expect(expected >= 0n).toBe(true);
        balances.set(account.accountId, expected);
      }
      const last = history.truth.balances.map(({ accountId, balance }) => [accountId, balance]);
      const summed = [...balances].map(([id, balance]) => [id, formatAmount(balance)]);
      expect(new Map(last as [string, string][])).toEqual(new Map(summed as [string, string][]));
    });
  });

  test("a movement on two accounts adds up to nothing; only deposits and debits stand alone", () => {
    holdsForAll((history) => {
      const changes = new Map<string, { type: string; amounts: Amount[] }>();
      for (const { movementId, movementType, change } of reportsOf(history).flatMap(
        (report) => report.movements,
      )) {
        const entry = changes.get(movementId) ?? { type: movementType, amounts: [] };
        changes.set(movementId, entry);
        entry.amounts.push(change);
      }
      for (const { type, amounts } of changes.values()) {
        const isOneSided = type === "deposit" || type === "withdrawal";
        expect(amounts).toHaveLength(isOneSided ? 1 : 2);
        if (!isOneSided) expect(sumOf(amounts)).toBe(0n);
      }
    });
  });

  test("steps are counted and never go back in time; run ids rise", () => {
    holdsForAll(({ steps }) => {
      let [lastNs, lastRunId] = [0n, 0n];
      for (const [position, step] of steps.entries()) {
        expect(step.index).toBe(position);
        expect(step.atNs >= lastNs).toBe(true);
        lastNs = step.atNs;
        if (step.run === undefined) continue;
        expect(BigInt(step.run.runId) > lastRunId).toBe(true);
        expect(step.run.atNs).toBe(step.atNs - (step.atNs % 1_000n));
        lastRunId = BigInt(step.run.runId);
      }
    });
  });

  test("movements come 50 to 160 ms after their run, in order", () => {
    holdsForAll((history) => {
      for (const { run, movements } of reportsOf(history)) {
        const delays = movements.map(({ atNs }) => atNs - run.atNs);
        for (const delay of delays) {
          expect(delay >= 50n * NS_PER_MS && delay <= 160n * NS_PER_MS).toBe(true);
        }
        expect(delays).toEqual(delays.toSorted((a, b) => Number(a - b)));
      }
    });
  });

  test("an account's movement times err by no more than the clock may", () => {
    holdsForAll((history, { clockErrorMs = 0 }) => {
      const latest = new Map<string, bigint>();
      for (const { account, movements } of reportsOf(history)) {
        const atNs = movements.at(-1)?.atNs ?? 0n;
        const before = latest.get(account.accountId) ?? 0n;
        expect(atNs >= before - nsOfMs(clockErrorMs)).toBe(true);
        latest.set(account.accountId, atNs > before ? atNs : before);
      }
    });
  });

  test("a consumer's groups (20 ms apart, at most 8) never mix what is far apart", () => {
    holdsForAll((history) => {
      const byAccount = Map.groupBy(reportsOf(history), ({ account }) => account.accountId);
      for (const reports of byAccount.values()) {
        const times = reports.map(({ movements }) => movements.at(-1)?.atNs ?? 0n);
        let done = 0;
        for (const group of groupsOf(times)) {
          const members = new Set(group);
          for (let next = 0; next < group.length; next += 1) {
            expect(members.has(done + next)).toBe(true);
          }
          done += group.length;
        }
      }
    });
  });

  test("what is pending is what the collateral accounts hold", () => {
    holdsForAll(({ truth }) => {
      const held = truth.balances.filter(({ accountType }) => accountType === "collateral");
      const pending = truth.withdrawals.filter(({ outcome }) => outcome === "pending");
      expect(sumOf(held.map(({ balance }) => parseAmount(balance)))).toBe(
        sumOf(pending.map(({ amount }) => parseAmount(amount))),
      );
    });
  });

  test("Layer1: AVAILABLE and RESERVED make BLOCKCHAIN, deltas chain, times differ", () => {
    holdsForAll((history) => {
      const byAccount = Map.groupBy(
        history.steps.flatMap((step) => step.messages.flatMap((each) => each.layer1Report ?? [])),
        ({ address, asset }) => `${address} ${asset}`,
      );
      for (const reports of byAccount.values()) {
        for (const [index, { funds, deltas, atNs }] of reports.entries()) {
          expect(funds.available + funds.reserved).toBe(funds.blockchain);
          expect(funds.available >= 0n && funds.reserved >= 0n).toBe(true);
          const before = reports[index - 1];
          if (before === undefined) continue;
          expect(before.atNs < atNs).toBe(true);
          expect(before.funds.available + deltas.available).toBe(funds.available);
          expect(before.funds.reserved + deltas.reserved).toBe(funds.reserved);
          expect(before.funds.blockchain + deltas.blockchain).toBe(funds.blockchain);
        }
      }
    });
  });
});
