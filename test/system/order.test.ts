import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, scenarioArbitrary } from "./arbitraries.ts";
import {
  inAnotherOrder,
  type LedgerOptions,
  openTestLedger,
  patience,
  runs,
  stateDifferences,
  type TestLedger,
} from "./support.ts";

async function played(
  deliveries: readonly PlannedDelivery[],
  options: LedgerOptions,
): Promise<TestLedger> {
  const ledger = await openTestLedger(options);
  await ledger.play(deliveries);
  await ledger.catchUp();
  return ledger;
}

/** Every webhook comes twice; a frame comes once, that is what its number says. */
function twice(plan: readonly PlannedDelivery[]): readonly PlannedDelivery[] {
  return [...plan, ...plan.filter(({ kind }) => kind === "webhook")];
}

async function expectOneOfEach(ledger: TestLedger): Promise<void> {
  const events = await ledger.events();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
}

describe("webhooks in any order and any number, each connection's frames in their own", () => {
  test(
    "every model has the same state",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const { plan } = planOf(scenario);
          const inOrder = await played(plan, { seed, together: 1 });
          const racing = { seed: seed + 3, ingests: 2, together: 30 };
          const others: Readonly<Record<string, TestLedger>> = {
            shuffled: await played(inAnotherOrder(plan, seed), { seed: seed + 1 }),
            doubled: await played(inAnotherOrder(twice(plan), seed + 7), { seed: seed + 2 }),
            racing: await played(inAnotherOrder(twice(plan), seed + 8), racing),
          };
          for (const [name, other] of Object.entries(others)) {
            expect([name, ...(await stateDifferences(inOrder, other))]).toEqual([name]);
            await expectOneOfEach(other);
            await other.close();
          }
          await inOrder.close();
        }),
        { numRuns: runs(10) },
      );
    },
    patience(180),
  );

  test(
    "also where two ingests race on one SQLite file",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const { plan } = planOf(scenario);
          const inOrder = await played(plan, { seed, together: 1 });
          const racing = { engine: "sqlite", seed, ingests: 2, together: 30 } as const;
          const other = await played(inAnotherOrder(twice(plan), seed), racing);
          expect(await stateDifferences(inOrder, other)).toEqual([]);
          await expectOneOfEach(other);
          await other.close();
          await inOrder.close();
        }),
        { numRuns: runs(4) },
      );
    },
    patience(120),
  );
});
