import { describe, expect, test } from "@jest/globals";
import { arrivalsOf } from "./arrivals.ts";
import { createHardWorld, type HardWorld, trueBalance } from "./hard-world.ts";
import { isExact, knownOf } from "./perfect-reader.ts";
import { smallerWorlds } from "./smaller-worlds.ts";

const SEEDS = Array.from({ length: 40 }, (_, at) => at + 1);

const sizeOf = ({ accounts, steps, plan }: HardWorld): number =>
  accounts.length + steps.length + plan.length;

describe("smaller worlds", () => {
  test("have less in them", () => {
    for (const seed of SEEDS) {
      const world = createHardWorld(seed);
      const sizes = [...smallerWorlds(world)].map(sizeOf);
      expect(sizes.length).toBeGreaterThan(10);
      expect(Math.max(...sizes)).toBeLessThan(sizeOf(world));
    }
  });

  test("have true books, which what arrives does not contradict where nothing is lost", () => {
    let found = 0;
    for (const seed of SEEDS) {
      for (const smaller of smallerWorlds(createHardWorld(seed))) {
        for (const account of smaller.accounts) {
          let balance = account.opening;
          for (const { change, balanceAfter } of account.reports) {
            balance += change;
            expect(balanceAfter).toBe(balance);
          }
          const arrivals = arrivalsOf(account, smaller.plan);
          const isWhole = arrivals.reports.length === account.reports.length;
          if (balance === 0n || !isWhole || !isExact(arrivals, account)) continue;
          const { isDecided, ends } = knownOf(arrivals);
          if (!isDecided || arrivals.reports.length === 0) continue;
          found += 1;
          expect(ends).toContain(trueBalance(account));
        }
      }
    }
    expect(found).toBeGreaterThan(1_000);
  });

  test("settle and return what they held", () => {
    for (const seed of SEEDS) {
      for (const { withdrawals, steps } of smallerWorlds(createHardWorld(seed))) {
        const indexes = new Set(steps.map(({ index }) => index));
        for (const { heldAt, endedAt, outcome } of withdrawals) {
          expect(indexes).toContain(heldAt);
          expect(outcome === "pending").toBe(endedAt === null);
          if (endedAt !== null) expect(indexes).toContain(endedAt);
        }
      }
    }
  });
});
