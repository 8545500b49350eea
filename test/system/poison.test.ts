import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES, STOPPED } from "@counterfoil/processing/models/columns";
import { LAST_DELIVERIES } from "@counterfoil/processing/models/deliveries";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ORDINARY, planOf, scenarioArbitrary } from "./arbitraries.ts";
import {
  allRows,
  hashing,
  openTestLedger,
  patience,
  refold,
  runs,
  stateRows,
  type TestLedger,
} from "./support.ts";

/** The same projection by a program that fails on a subject from some event on. */
function poisoned(projection: Projection, poison: RecordedEvent): Projection {
  const isPoison = ({ type, subject, position }: RecordedEvent) =>
    projection.types.has(type) && subject === poison.subject && position >= poison.position;
  return {
    ...projection,
    open: async (store, hashes) => {
      const session = await projection.open(store, hashes);
      const apply = async (event: RecordedEvent) => {
        await session.apply(event);
        // Half of it has happened by now, as with any fault in the middle of a fold.
        if (isPoison(event)) throw new TypeError("planted by the test");
      };
      return Object.create(session, { apply: { value: apply } });
    },
  };
}

/** An event that the model folds into something, if there is one. */
function drawPoison(
  events: readonly RecordedEvent[],
  model: ModelName,
  drawn: number,
): RecordedEvent | undefined {
  const { types } = PROJECTIONS[model];
  const facts = events.filter(({ type, subject }) => types.has(type) && subject !== "ledger");
  return facts[drawn % Math.max(1, facts.length)];
}

describe("a fact that cannot be folded", () => {
  test(
    "stops its subject alone, is shown, and catches up once it can be",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, fc.nat(), async (scenario, drawn) => {
          const { seed } = scenario;
          const batch = createRandom(seed, "poison").pick([1, 17, 100_000]);
          const ledger = await openTestLedger({ seed, live: false });
          await ledger.play(planOf(scenario).plan);
          const events = await ledger.events();
          for (const model of MODEL_NAMES) {
            const poison = drawPoison(events, model, drawn);
            if (poison !== undefined) await expectOneStop(ledger, model, poison, batch);
          }
          await ledger.close();
        }),
        { numRuns: runs(10) },
      );
    },
    patience(120),
  );
});

test("after a stop, verify says why the past differs, and a rebuild is taken without being forced", async () => {
  const ledger = await openTestLedger({ seed: 3, live: false });
  await ledger.play(planOf({ ...ORDINARY, seed: 3 }).plan);
  const { stream, catalogue } = ledger;
  const projection = PROJECTIONS.balances;
  const poison = drawPoison(await ledger.events(), "balances", 0) as RecordedEvent;
  const { tables, version: modelVersion } = projection;
  const generation = (await catalogue.create("balances", { tables, modelVersion })) ?? 1;
  const store = await catalogue.openForWriting("balances", generation);
  for (const each of [poisoned(projection, poison), projection]) {
    const run = await openProjectionRun({ stream, projection: each, store, hashing });
    await run.fold((await ledger.events()).slice(run.checkpoint.position));
  }
  await store.close();
  const verify = () => verifyModel({ stream, catalogue, projection, hashing, refold: true });
  expect((await verify())?.findings).toEqual([
    {
      position: null,
      what: "stopped",
      detail: expect.stringMatching(/counterfoil rebuild balances/),
    },
  ]);
  const rebuilt = await rebuildModel({ ...ledger, projection, hashing, build: "test" });
  expect(rebuilt).toMatchObject({ outcome: "activated" });
  expect((await verify())?.findings).toEqual([]);
  await ledger.close();
});

async function expectOneStop(
  { stream, catalogue, events }: TestLedger,
  model: ModelName,
  poison: RecordedEvent,
  batch: number,
): Promise<void> {
  const good = PROJECTIONS[model];
  const { tables, version: modelVersion } = good;
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 1;
  const store = await catalogue.openForWriting(model, generation);
  const open = (projection: Projection) =>
    openProjectionRun({ stream, projection, store, hashing });
  const all = await events();
  const bad = await open(poisoned(good, poison));
  for (let at = 0; at < all.length; at += batch) await bad.fold(all.slice(at, at + batch));
  const clean = await refold(stream, good);
  await expectStopped(store, poison.subject);
  expect(await othersOf(store, poison.subject)).toEqual(
    await othersOf(clean.store, poison.subject),
  );
  // Tried again with the fault still there: nothing is lost, nothing doubled.
  await open(poisoned(good, poison));
  await expectStopped(store, poison.subject);
  const mended = await open(good);
  expect(await allRows(store, STOPPED)).toEqual([]);
  for (const table of tables) {
    const [live, rebuilt] = [await allRows(store, table), await allRows(clean.store, table)];
    expect([model, stateRows(table, live)]).toEqual([model, stateRows(table, rebuilt)]);
  }
  expect(mended.checkpoint.state_digest).toBe(clean.checkpoint.state_digest);
  if (model === "balances") {
    // A delivery that is tried again is not the last one.
    expect(await allRows(store, LAST_DELIVERIES)).toEqual(
      await allRows(clean.store, LAST_DELIVERIES),
    );
  }
  await store.close();
}

async function expectStopped(store: ModelStore, subject: string): Promise<void> {
  expect((await allRows(store, STOPPED)).map((row) => row.subject)).toEqual([subject]);
  const shown = (await allRows(store, ANOMALIES)).filter(({ kind }) => kind === "stopped");
  expect(shown).toMatchObject([{ subject, closed_position: null }]);
}

/** Accounts that have nothing to do with the subject. */
async function othersOf(rows: ModelStore, subject: string): Promise<readonly string[]> {
  if (rows.model !== "balances") return [];
  const accounts = await allRows(rows, ACCOUNTS);
  return stateRows(
    ACCOUNTS,
    accounts.filter(({ id }) => id !== subject),
  );
}
