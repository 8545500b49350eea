import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { ACCOUNTS, BALANCE_CHANGES } from "@counterfoil/processing/models/balances/tables";
import { RECORD_CHANGES, RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Row, Table } from "@counterfoil/processing/ports/model-store";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, type Scenario, scenarioArbitrary, smallScenarioArbitrary } from "./arbitraries.ts";
import {
  allRows,
  type Engine,
  hashing,
  openTestLedger,
  patience,
  printed,
  refold,
  runs,
  type TestLedger,
} from "./support.ts";
import { FAULTS, faulty, mended, runIdsCut } from "./translation-bugs.ts";

/** Every row of every table, also what no digest covers: change rows, keys of clusters. */
async function expectSameRows(ledger: TestLedger): Promise<void> {
  const checkpoints = await ledger.checkpoints();
  for (const model of MODEL_NAMES) {
    const projection = ledger.projections[model];
    const { store, checkpoint } = await refold(
      ledger.stream,
      projection,
      checkpoints[model].position,
    );
    expect([model, checkpoint]).toEqual([model, checkpoints[model]]);
    for (const table of projection.tables) {
      const [live, rebuilt] = [await ledger.rows(model, table), await allRows(store, table)];
      expect(live.map(printed)).toEqual(rebuilt.map(printed));
    }
  }
}

describe("a model folded live, in random batches and with restarts", () => {
  test.each<[Engine, number]>([
    ["memory", 12],
    ["sqlite", 4],
  ])(
    "has the rows of one rebuilt in one go, on %s",
    async (engine, count) => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const { plan } = planOf(scenario);
          const ledger = await openTestLedger({ engine, seed });
          const deliveries = shuffleDeliveries(plan, seed);
          const cut = createRandom(seed, "cut").below(deliveries.length);
          await ledger.play(deliveries.slice(0, cut));
          await expectSameRows(ledger);
          await ledger.play(deliveries.slice(cut));
          await ledger.catchUp();
          await expectSameRows(ledger);
          await ledger.close();
        }),
        { numRuns: runs(count) },
      );
    },
    patience(120),
  );
});

/** Where the order of an old chain, or a snapshot of another line, changed what a snapshot says. */
const PINNED: readonly Readonly<{ what: string; scenario: Scenario }>[] = [
  {
    what: "seconds read as milliseconds",
    scenario: {
      seed: 825365,
      participants: 2,
      flows: 8,
      meanGapMs: 400,
      burstRate: 0.7,
      receiverSkewMs: -4500,
      feeds: 1,
      reconnectRate: 0.15,
      snapshotRaceMs: 2000,
      webhookRepeatRate: 0,
      webhookLossRate: 0,
    },
  },
  {
    what: "balances with the wrong sign",
    scenario: {
      seed: 9,
      participants: 2,
      flows: 8,
      meanGapMs: 60,
      burstRate: 0.3,
      receiverSkewMs: -4993,
      feeds: 2,
      reconnectRate: 0.15,
      snapshotRaceMs: 0,
      webhookRepeatRate: 0,
      webhookLossRate: 0,
    },
  },
];

describe("facts that contradict each other, as a faulty translation reads them", () => {
  test.each(PINNED)("$what: folded live as in one go", async ({ what, scenario }) => {
    const spoil = FAULTS[what] ?? runIdsCut;
    const { seed } = scenario;
    const ledger = await openTestLedger({ seed, translations: faulty(spoil) });
    const plan = shuffleDeliveries(planOf(scenario).plan, seed);
    const half = Math.floor(plan.length / 2);
    await ledger.play(plan.slice(0, half));
    if (what.startsWith("seconds")) await ledger.translateWith(mended(spoil));
    await ledger.play(plan.slice(half));
    await ledger.catchUp();
    await expectSameRows(ledger);
    await ledger.close();
  });
});

describe("a retranslation", () => {
  test.each(Object.entries(FAULTS))(
    "of a ledger that was read with %s is folded live as in one go",
    async (_, spoil) => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const ledger = await openTestLedger({ seed, translations: faulty(spoil) });
          const plan = shuffleDeliveries(planOf(scenario).plan, seed);
          const half = Math.floor(plan.length / 2);
          await ledger.play(plan.slice(0, half));
          const translations = mended(spoil);
          await ledger.translateWith(translations);
          await retranslate({ ...ledger, translations, hashing });
          await ledger.catchUp();
          await expectSameRows(ledger);
          await ledger.play(plan.slice(half));
          await ledger.catchUp();
          await expectSameRows(ledger);
          const { position } = await ledger.stream.head();
          const random = createRandom(seed, "positions");
          for (const at of [1 + random.below(position), position])
            await expectChangesAt(ledger, at);
          await ledger.close();
        }),
        { numRuns: runs(1) },
      );
    },
    patience(120),
  );
});

describe("change rows", () => {
  test(
    "up to a position are the rows of a model that ends there",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const random = createRandom(seed, "positions");
          const ledger = await openTestLedger({ seed });
          await ledger.play(shuffleDeliveries(planOf(scenario).plan, seed));
          await ledger.catchUp();
          const { position: head } = await ledger.stream.head();
          for (const position of [1 + random.below(head), 1 + random.below(head), head]) {
            await expectChangesAt(ledger, position);
          }
          await ledger.close();
        }),
        { numRuns: runs(8) },
      );
    },
    patience(120),
  );
});

async function expectChangesAt(ledger: TestLedger, position: number): Promise<void> {
  const balances = await refold(ledger.stream, ledger.projections.balances, position);
  const columns = Object.keys(BALANCE_CHANGES.columns).filter((name) => name !== "account");
  const latest = latestChanges(await ledger.rows("balances", BALANCE_CHANGES), "account", position);
  const accounts = await allRows(balances.store, ACCOUNTS);
  const shown = (row: Row) => columns.map((name) => String(row[name]));
  const known = [...latest].filter(([, { status }]) => status !== null);
  expect(known.map(([id, row]) => [id, ...shown(row)]).sort()).toEqual(
    accounts.map((row) => [String(row.id), ...shown(row)]).sort(),
  );
  for (const model of ["withdrawals", "deposits", "trades"] as const) {
    const { store } = await refold(ledger.stream, ledger.projections[model], position);
    const changes = latestChanges(await ledger.rows(model, RECORD_CHANGES), "id", position);
    const known = [...changes].filter(([, { row }]) => row !== null).map(([id]) => id);
    const records = await allRows(store, RECORDS as Table);
    expect(known.sort()).toEqual(records.map(({ id }) => String(id)).sort());
    for (const record of records) {
      expect(String(changes.get(String(record.id))?.row)).toContain(
        JSON.stringify(record.state).slice(1, -1).slice(0, 80),
      );
      expect(changes.get(String(record.id))?.position).toBe(record.position);
    }
  }
}

/** By key, the last change at or before a position. */
function latestChanges(
  rows: readonly Row[],
  key: string,
  position: number,
): ReadonlyMap<string, Row> {
  const latest = new Map<string, Row>();
  for (const row of rows) {
    const id = String(row[key]);
    const before = latest.get(id);
    if (Number(row.position) > position) continue;
    if (before === undefined || Number(before.position) < Number(row.position)) latest.set(id, row);
  }
  return latest;
}
