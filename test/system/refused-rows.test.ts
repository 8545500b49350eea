import { ANOMALIES, STOPPED } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { Commit, ModelStore } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import type { SubjectStop } from "@counterfoil/processing/projection/stopped";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { take } from "./messages.ts";
import { allRows, hashing, openTestLedger, type TestLedger } from "./support.ts";

/* An engine that does not take some rows, as PostgreSQL a key that is too long for its index. */

const projection = PROJECTIONS.trades;
const TRADES = 64;

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await openTestLedger({ live: false });
  for (const trade_state of ["active", "terminated"]) {
    for (let n = 0; n < TRADES; n += 1) {
      const body = { trade_id: `t${n}`, trade_state };
      await take(ledger, { payloadType: "trade.status_changed", body });
    }
  }
});
afterEach(() => ledger.close());

/** A store that refuses commits with rows of these trades, and how often it was asked. */
async function refusing(refused: ReadonlySet<string>, error: (id: string) => Error) {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("trades", { tables: projection.tables, modelVersion: projection.version });
  const store = await catalogue.openForWriting("trades", 1);
  const count = { commits: 0 };
  const commit = async (given: Commit) => {
    count.commits += 1;
    const rows = [...given.inserts, ...given.puts].filter(({ table }) => table === RECORDS);
    for (const { id } of rows.flatMap((each) => each.rows)) {
      if (refused.has(String(id))) throw error(String(id));
    }
    await store.commit(given);
  };
  const stops: SubjectStop[] = [];
  const open = (given: ModelStore) =>
    openProjectionRun({
      ...{ stream: ledger.stream, projection, hashing, store: given },
      onStopped: (stop) => void stops.push(stop),
    });
  return { store, count, stops, open, refusing: { ...store, commit } };
}

const tooLong = (id: string) => new Error(`index row of ${id} ${"x".repeat(100_000)}`);

describe("rows that an engine refuses for what they are", () => {
  test("stop the subjects that they are of, which is shown; everything else goes on", async () => {
    const { store, stops, count, ...engine } = await refusing(new Set(["t3", "t40"]), tooLong);
    const run = await engine.open(engine.refusing);
    const { position } = await run.fold(await ledger.events());
    expect(position).toBe((await ledger.stream.head()).position);
    const stopped = await allRows(store, STOPPED);
    expect(stopped.map(({ subject, waiting }) => [subject, waiting])).toEqual([
      ["trade:zerohash:t3", 2],
      ["trade:zerohash:t40", 2],
    ]);
    const records = await allRows(store, RECORDS);
    expect(records).toHaveLength(TRADES - 2);
    expect(new Set(records.map(({ stage }) => stage))).toEqual(new Set(["terminated"]));
    const shown = (await allRows(store, ANOMALIES)).filter(({ kind }) => kind === "stopped");
    expect(shown.map(({ subject }) => subject)).toEqual(stopped.map(({ subject }) => subject));
    expect(stops).toMatchObject(
      stopped.map(({ subject, position: at }) => ({ subject, position: at })),
    );
    // What went wrong is told in so many words, wherever it is told.
    const told = [...stops, ...stopped].map(({ error }) => String(error));
    expect(Math.max(...told.map((text) => text.length))).toBeLessThan(1100);
    // Two commits a halving of each, not one an event.
    expect(count.commits).toBeLessThan(60);
  });

  test("are tried again when the generation is opened, and say nothing was ever wrong", async () => {
    const { store, ...engine } = await refusing(new Set(["t3"]), tooLong);
    const events = await ledger.events();
    await (await engine.open(engine.refusing)).fold(events);
    expect((await engine.open(engine.refusing)).stoppedSubjects).toBe(1);
    const mended = await engine.open(store);
    expect(mended.stoppedSubjects).toBe(0);
    const whole = await refusing(new Set(), tooLong);
    const clean = await (await whole.open(whole.store)).fold(events);
    expect((await store.checkpoint()).state_digest).toBe(clean.state_digest);
  });

  test("are no outage: an engine that is away stops nobody", async () => {
    const away = () => new ModelUnavailable("the disk is full");
    const { store, count, stops, ...engine } = await refusing(new Set(["t3"]), away);
    const run = await engine.open(engine.refusing);
    await expect(run.fold(await ledger.events())).rejects.toThrow("the disk is full");
    expect([count.commits, stops, run.stoppedSubjects]).toEqual([1, [], 0]);
    expect((await store.checkpoint()).position).toBe(0);
  });

  test("are a fault of the program where not even the stop can be stored", async () => {
    const catalogue = createMemoryModelCatalogue();
    const layout = { tables: projection.tables, modelVersion: projection.version };
    await catalogue.create("trades", layout);
    const store = await catalogue.openForWriting("trades", 1);
    const commit = () => Promise.reject(new TypeError("no row at all"));
    const run = await openProjectionRun({
      ...{ stream: ledger.stream, projection, hashing, store: { ...store, commit } },
    });
    await expect(run.fold(await ledger.events())).rejects.toThrow("no row at all");
  });
});
