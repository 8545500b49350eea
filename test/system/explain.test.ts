import { describe, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, smallScenarioArbitrary } from "./arbitraries.ts";
import { defineExplainLaws, expectAllRoles } from "./explain-laws.ts";
import { ENGINES, openTestLedger, patience, runs } from "./support.ts";

describe.each(ENGINES)("what explanations say on %s", (engine) => {
  defineExplainLaws(() => engine);
});

test(
  "taking a fact out of any world does what its role says",
  async () => {
    await fc.assert(
      fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
        const { plan } = planOf(scenario);
        const ledger = await openTestLedger({ seed: scenario.seed });
        await ledger.play(plan);
        await ledger.catchUp();
        await expectAllRoles(ledger, scenario.seed, 2);
        await ledger.close();
      }),
      { numRuns: runs(3) },
    );
  },
  patience(300),
);
