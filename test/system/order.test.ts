import { byArrival, type PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { isWebhook, shuffleBetweenOpenings } from "@counterfoil/simulator/testing/deliveries";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, scenarioArbitrary } from "./arbitraries.ts";
import {
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
  return [...plan, ...plan.filter(isWebhook)].toSorted(byArrival);
}

async function expectOneOfEach(ledger: TestLedger): Promise<void> {
  const events = await ledger.events();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
}

describe("webhooks in any order and any number between two openings of connections", () => {
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
            shuffled: await played(shuffleBetweenOpenings(plan, seed), { seed: seed + 1 }),
            doubled: await played(shuffleBetweenOpenings(twice(plan), seed + 7), {
              seed: seed + 2,
            }),
            racing: await played(shuffleBetweenOpenings(twice(plan), seed + 8), racing),
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
          const other = await played(shuffleBetweenOpenings(twice(plan), seed), racing);
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
