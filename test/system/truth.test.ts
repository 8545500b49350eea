import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import type { Row } from "@counterfoil/processing/ports/model-store";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { shuffleBetweenOpenings } from "@counterfoil/simulator/testing/deliveries";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, type Scenario, scenarioArbitrary, withoutLosses } from "./arbitraries.ts";
import { falseGaps, wrongEnds, wronglyKnown } from "./false-gaps.ts";
import { lifecyclesAsTold } from "./lifecycle-truth.ts";
import { openTestLedger, patience, runs, type TestLedger } from "./support.ts";
import { trueBalances } from "./truth.ts";

async function playedInAnyOrder({ seed }: Scenario, plan: readonly PlannedDelivery[]) {
  const ledger = await openTestLedger({ seed });
  await ledger.play(shuffleBetweenOpenings(plan, seed));
  await ledger.catchUp();
  return ledger;
}

/** The clock here follows the deliveries, which come in any order: that it ran ahead is true. */
const openAnomalies = async (ledger: TestLedger): Promise<readonly Row[]> =>
  (await ledger.rows("balances", ANOMALIES)).filter(
    ({ closed_position, id }) =>
      closed_position === null && !String(id).startsWith("clock:ledger:"),
  );

describe("where nothing is lost", () => {
  test(
    "balances and lifecycles are the provider's, and no anomaly is open",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { history, plan } = planOf(scenario);
          const ledger = await playedInAnyOrder(scenario, withoutLosses(history, plan));
          const balances = trueBalances(history);
          const rows = await ledger.rows("balances", ACCOUNTS);
          const found = new Map(rows.map(({ id, balance }) => [id, balance]));
          expect([...balances].filter(([id, balance]) => found.get(id) !== balance)).toEqual([]);
          expect((await openAnomalies(ledger)).map(({ id, detail }) => `${id} ${detail}`)).toEqual(
            [],
          );
          for (const { told, expected } of await lifecyclesAsTold(ledger, history)) {
            expect(told).toEqual(expected);
          }
          await ledger.close();
        }),
        { numRuns: runs(15) },
      );
    },
    patience(180),
  );
});

/** Where clocks agree better than this, it can be known between which runs a snapshot was taken. */
const CLOCKS_AGREE_MS = 1_000;

describe("where messages are lost", () => {
  test(
    "accounts that all was heard of have the truth, and every gap is what was lost there",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (drawn) => {
          const scenario = { ...drawn, webhookLossRate: Math.max(0.15, drawn.webhookLossRate) };
          const { history, plan } = planOf(scenario);
          const ledger = await playedInAnyOrder(scenario, plan);
          const clocksAgree = Math.abs(scenario.receiverSkewMs) <= CLOCKS_AGREE_MS;
          const gaps = await falseGaps(ledger, history, plan);
          const certain = gaps.filter(
            ({ isBesideSnapshot, isOrderUnknown }) =>
              !isOrderUnknown && (clocksAgree || !isBesideSnapshot),
          );
          expect(certain).toEqual([]);
          expect(await wronglyKnown(ledger, history, plan)).toEqual([]);
          if (clocksAgree) expect(await wrongEnds(ledger, history, plan)).toEqual([]);
          await ledger.close();
        }),
        { numRuns: runs(25) },
      );
    },
    patience(180),
  );
});
