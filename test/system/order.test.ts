import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/shuffle-deliveries";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, scenarioArbitrary } from "./arbitraries.ts";
import { type LedgerOptions, openTestLedger, patience, runs, stateDifferences } from "./support.ts";

async function played(deliveries: readonly PlannedDelivery[], options: LedgerOptions) {
  const ledger = await openTestLedger(options);
  await ledger.play(deliveries);
  await ledger.catchUp();
  return ledger;
}

describe("every order of arrival", () => {
  test(
    "gives every model the same state",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const { plan } = planOf(scenario);
          const inOrder = await played(plan, { seed, together: 1 });
          const others = {
            shuffled: await played(shuffleDeliveries(plan, seed), { seed: seed + 1 }),
            doubled: await played(shuffleDeliveries(twice(plan), seed + 7), { seed: seed + 2 }),
            racing: await played(shuffleDeliveries(plan, seed + 8), {
              seed: seed + 3,
              ingests: 2,
              together: 30,
            }),
          };
          for (const [name, other] of Object.entries(others)) {
            expect([name, ...(await stateDifferences(inOrder, other))]).toEqual([name]);
            await other.close();
          }
          await inOrder.close();
        }),
        { numRuns: runs(12) },
      );
    },
    patience(180),
  );
});

/** Every webhook comes twice; a frame comes once, that is what its number says. */
function twice(plan: readonly PlannedDelivery[]): readonly PlannedDelivery[] {
  return [...plan, ...plan.filter(({ kind }) => kind === "webhook")];
}
