import { startEventStoreDouble } from "@counterfoil/adapters/eventstore/testing/eventstore-double";
import { appendAsStranger } from "@counterfoil/adapters/eventstore/testing/use-double";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { anomalyRecord } from "@counterfoil/processing/queries/anomaly-record";
import { expect, test } from "@jest/globals";
import { ORDINARY, planOf } from "../system/arbitraries.ts";
import {
  expectRebuilt,
  hashing,
  LEDGER,
  openTestLedger,
  stateDifferences,
} from "../system/support.ts";
import { eventstoreEngineOn } from "./server-engines.ts";

const { plan: PLAN } = planOf({ ...ORDINARY, seed: 12 });

describePostgres("another client in the ledger's stream", (use) => {
  test("is an anomaly; deliveries, models and verify go on as without it", async () => {
    const double = await startEventStoreDouble();
    const ledger = await openTestLedger({ engine: eventstoreEngineOn(double, use().url), seed: 4 });
    const half = Math.floor(PLAN.length / 2);
    await ledger.play(PLAN.slice(0, half));
    const { position } = await ledger.stream.head();
    const event_id = await appendAsStranger(double, `ledger-${LEDGER}`);
    await ledger.play(PLAN.slice(half));
    await expectRebuilt(ledger);

    const anomalies = (await ledger.rows("balances", ANOMALIES)).filter(
      ({ kind }) => kind === "foreign_event",
    );
    expect(anomalies.map((row) => anomalyRecord(row, "balances"))).toMatchObject([
      {
        id: `foreign_event:ledger:${position + 1}`,
        model: "balances",
        subject: "ledger",
        opened_position: String(position + 1),
        closed_position: null,
        detail: { event_type: "Test", event_id, sha256: hashing.sha256('{"a":1}') },
      },
    ]);
    const verified = await verifyStream({ ...ledger, ledger: LEDGER, hashing, bodies: true });
    expect(verified).toMatchObject({ findings: [], foreign: [{ position: position + 1 }] });
    for (const model of MODEL_NAMES) {
      const projection = ledger.projections[model];
      const found = await verifyModel({ ...ledger, projection, hashing, refold: true });
      expect([model, found?.findings]).toEqual([model, []]);
    }
    const without = await openTestLedger({ seed: 4, live: false });
    await without.play(PLAN);
    await without.catchUp();
    expect(await stateDifferences(ledger, without)).toEqual([]);
    await without.close();
    await ledger.close();
  });
});
