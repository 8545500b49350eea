import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { describe, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, smallScenarioArbitrary } from "../system/arbitraries.ts";
import { openTestLedger, patience, runs } from "../system/support.ts";
import { expectAsRefolded, type Thoroughness } from "./as-of.ts";
import { type FlowOptions, playFlow } from "./flow.ts";
import { postgresEngine } from "./server-engines.ts";

/* What was known at a position, and of a time: as the stream up to there, folded anew, has it. */

function define(
  engineOf: () => NonNullable<FlowOptions["engine"]>,
  { worlds, ...thoroughness }: Thoroughness & Readonly<{ worlds: number }>,
): void {
  test(
    "a flow with corrections, contradictions and a gap",
    async () => {
      const ledger = await playFlow({ order: 3, engine: engineOf() });
      await expectAsRefolded(ledger, 3, thoroughness);
      await ledger.close();
    },
    patience(300),
  );

  test(
    "random worlds, whatever comes first",
    async () => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const ledger = await openTestLedger({ engine: engineOf(), seed });
          await ledger.play(shuffleDeliveries(planOf(scenario).plan, seed));
          await expectAsRefolded(ledger, seed, thoroughness);
          await ledger.close();
        }),
        { numRuns: runs(worlds), endOnFailure: true },
      );
    },
    patience(300),
  );
}

describe("memory", () =>
  define(() => "memory", { worlds: 6, positions: 12, times: 2, records: 3 }));
describe("SQLite", () => define(() => "sqlite", { worlds: 3, positions: 8, times: 2, records: 3 }));

describeOwnPostgres("PostgreSQL", (use) =>
  define(() => postgresEngine(use().url), { worlds: 1, positions: 4, times: 1, records: 2 }),
);
