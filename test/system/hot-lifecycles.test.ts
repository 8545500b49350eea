import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { Lifecycle } from "@counterfoil/core/lifecycle/fact-reading";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { lifecycleProjection } from "@counterfoil/processing/models/lifecycle/projection";
import { RECORD_CHANGES } from "@counterfoil/processing/models/lifecycle/tables";
import {
  movementFacts,
  statusFact,
} from "@counterfoil/processing/models/lifecycle/testing/lifecycle-facts";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { countRows } from "./row-count.ts";
import { hashing } from "./support.ts";

/**
 * What one more fact costs, in rows read and written: as much after thousands of the same key as
 * after hundreds. Counted, so that no machine's speed has a part in it.
 */

/** Rows read and written for each fact, and for each record that changed, where a commit holds so many. */
async function workOf(lifecycle: Lifecycle, facts: readonly LifecycleFact[], every: number) {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-hot-"));
  const catalogue = openModelCatalogue({ dataDir });
  const projection = lifecycleProjection(lifecycle);
  const { model, tables, version: modelVersion } = projection;
  await catalogue.create(model, { tables, modelVersion });
  const opened = await catalogue.openForWriting(model, 1);
  const { store, rows, changes } = countRows(opened, RECORD_CHANGES);
  try {
    const session = await projection.open(store, hashing);
    for (const [at, { type, state }] of facts.entries()) {
      const event = {
        ...{ position: at + 1, id: `e${at}`, type, schema_version: 1, subject: "", hash: `${at}` },
        ...{ causation_id: null, correlation_id: null, occurred_at: null, recorded_at: 0n },
        data: JSON.stringify(state.data),
      };
      await session.apply(event as unknown as RecordedEvent);
      if (at % every === 0) await session.commit();
    }
    await session.commit();
    return { perFact: rows() / facts.length, perChange: rows() / changes() };
  } finally {
    await opened.close();
    await catalogue.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const time = (minute: number): string => {
  const [day, hour] = [Math.floor(minute / 1440), Math.floor((minute % 1440) / 60)];
  return new Date(Date.UTC(2024, 0, 1 + day, hour, minute % 60)).toISOString().slice(0, 19);
};

/** The messages of equal withdrawals, one after the other. */
function withdrawals(count: number): LifecycleFact[][] {
  return Array.from({ length: count }, (_, at) => {
    const [pending, settling] = [
      movementFacts(
        `run   account    type               change movement
         ${at}p available  withdrawal_pending -5     p${at}
         ${at}p collateral withdrawal_pending 5      p${at}`,
      ),
      movementFacts(
        `run   account    type                 change movement
         ${at}c collateral withdrawal_confirmed -5     c${at}
         ${at}c available  withdrawal_confirmed 5      c${at}
         ${at}c available  withdrawal           -5     d${at}`,
      ),
    ].map((facts, step) => facts.map((fact) => dated(fact, time(2 * at + step))));
    return [...(pending ?? []), ...(settling ?? [])];
  });
}

function dated(fact: LifecycleFact, at: string): LifecycleFact {
  const data = { ...fact.state.data, occurred_at: `${at}Z` };
  return { ...fact, state: { ...fact.state, data } };
}

const statuses = (
  type: "PaymentStatusReported" | "DepositStatusReported" | "TradeStatusReported",
  of: (at: number) => object,
  count: number,
): LifecycleFact[] =>
  Array.from({ length: count }, (_, at) =>
    statusFact(type, { occurred_at: `${time(at)}Z`, note: at, ...of(at) }),
  );

const payments = (count: number) =>
  statuses(
    "PaymentStatusReported",
    (at) => ({ payment: "P", status: at % 2 ? "pending" : "posted" }),
    count,
  );

const SHAPES: readonly (readonly [string, Lifecycle, (count: number) => LifecycleFact[]])[] = [
  ["equal withdrawals, in order", WITHDRAWALS, (count) => withdrawals(count / 10).flat()],
  [
    "equal withdrawals, newest first",
    WITHDRAWALS,
    (count) =>
      withdrawals(count / 10)
        .toReversed()
        .flat(),
  ],
  ["statuses of one payment", WITHDRAWALS, payments],
  ["statuses of one payment, newest first", WITHDRAWALS, (count) => payments(count).toReversed()],
  [
    "statuses of one deposit",
    DEPOSITS,
    (count) =>
      statuses("DepositStatusReported", () => ({ deposit_id: "D", status: "confirmed" }), count),
  ],
  [
    "statuses of one trade",
    TRADES,
    (count) =>
      statuses(
        "TradeStatusReported",
        () => ({ trade_id: "T", status: "active", fields: {} }),
        count,
      ),
  ],
  [
    "equal deposits of different transactions",
    DEPOSITS,
    (count) =>
      statuses(
        "DepositStatusReported",
        (at) => ({
          ...{ deposit_id: `D${at}`, status: "completed", participant_code: "DEF456" },
          ...{ asset: "BTC", amount: "1", transaction_hash: `h${at}` },
        }),
        count,
      ),
  ],
];

const REPORTED = process.env.COUNTERFOIL_TEST_REPORT !== undefined;

describe("rows for one more fact", () => {
  test.each(SHAPES)(
    "%s: no more after thousands than after hundreds",
    async (name, lifecycle, factsOf) => {
      const { perFact: few } = await workOf(lifecycle, factsOf(500), 20);
      const { perFact: many } = await workOf(lifecycle, factsOf(5_000), 20);
      if (REPORTED) console.log(`${name}: ${few.toFixed(1)} then ${many.toFixed(1)}`);
      expect(many / few).toBeLessThanOrEqual(1.5);
    },
    120_000,
  );

  /**
   * Where everything comes in any order, a late fact moves links on along a chain, whose length
   * grows with the root of how many wait. What it moves is what it costs.
   */
  test("equal withdrawals, facts in any order: no more for each record that changes", async () => {
    const factsOf = (count: number) =>
      shuffled(withdrawals(count / 10).flat(), createRandom("any order", "facts"));
    const few = await workOf(WITHDRAWALS, factsOf(500), 20);
    const many = await workOf(WITHDRAWALS, factsOf(5_000), 20);
    if (REPORTED) {
      const text = [few, many].map(({ perFact, perChange }) => `${perFact} (${perChange})`);
      console.log(`any order: ${text.join(" then ")}`);
    }
    expect(many.perChange / few.perChange).toBeLessThanOrEqual(1.5);
    expect(many.perFact / few.perFact).toBeLessThanOrEqual(2);
  }, 120_000);
});
