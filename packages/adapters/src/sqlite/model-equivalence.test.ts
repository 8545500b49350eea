import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryModelCatalogue } from "@counterfoil/processing/memory/model-catalogue";
import type { Commit, ModelStore } from "@counterfoil/processing/ports/model-store";
import type { Condition, Selection, Table, Value } from "@counterfoil/processing/ports/table";
import { checkpointAt } from "@counterfoil/processing/testing/sample-tables";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openModelCatalogue } from "./model-catalogue.ts";

const column = (type: "text" | "integer" | "nanos") => ({ type, state: true });

const ROWS: Table = {
  name: "rows",
  columns: {
    name: column("text"),
    number: column("integer"),
    note: column("text"),
    at: column("nanos"),
  },
  key: ["name", "number"],
  indexes: [["note"], ["at", "name", "number"]],
  digested: "both",
};

// Few values, so that they meet; among them those that engines might order or compare differently.
const VALUES: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  name: fc.constantFrom("", "a", "A", "ä", "\ufffd", "😀", "10", "9"),
  number: fc.integer({ min: -3, max: 3 }),
  note: fc.constantFrom(null, "", "x", "X", "%", "1"),
  at: fc.constantFrom(null, -1n, 0n, 9_007_199_254_740_993n, 9_007_199_254_740_992n),
};
const of = (name: string) => VALUES[name] as fc.Arbitrary<Value>;

const row = fc.record(VALUES);
const key = fc.tuple(of("name"), of("number"));

const commit: fc.Arbitrary<Commit> = fc
  .tuple(fc.array(row, { maxLength: 40 }), fc.array(key, { maxLength: 5 }))
  .map(([rows, keys]) => ({
    inserts: [],
    puts: [{ table: ROWS, rows }],
    deletes: [{ table: ROWS, keys }],
    checkpoint: checkpointAt(1),
  }));

const condition: fc.Arbitrary<Condition> = fc
  .constantFrom(...Object.keys(ROWS.columns))
  .chain((name) =>
    fc.oneof(
      fc.record({
        column: fc.constant(name),
        is: fc.constantFrom("=", "<", "<=", ">", ">="),
        value: of(name),
      }),
      fc.record({ column: fc.constant(name), is: fc.constant("in"), value: fc.array(of(name)) }),
    ),
  );

const selection: fc.Arbitrary<Selection> = fc
  .record({
    where: fc.array(condition, { maxLength: 2 }),
    orderBy: fc.constantFrom(["name", "number"], ["number", "name"]),
    descending: fc.boolean(),
    limit: fc.integer({ min: 0, max: 60 }),
    beyond: fc.option(key),
  })
  .map(({ beyond, ...rest }) => {
    if (beyond === null) return rest;
    const [name, number] = beyond;
    return { ...rest, beyond: rest.orderBy[0] === "name" ? [name, number] : [number, name] };
  });

describe("memory and SQLite", () => {
  let dataDir = "";
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-equivalence-"));
  });
  afterAll(() => rm(dataDir, { recursive: true }));

  test("answer every selection alike, whatever was committed", async () => {
    const stores = [
      await newStore(createMemoryModelCatalogue()),
      await newStore(openModelCatalogue({ dataDir })),
    ];
    await fc.assert(
      fc.asyncProperty(
        commit,
        fc.array(selection, { minLength: 1, maxLength: 8 }),
        async (commit, selections) => {
          for (const store of stores) await store.commit(commit);
          for (const each of selections) {
            const [memory, sqlite] = await Promise.all(
              stores.map((store) => store.select(ROWS, each)),
            );
            expect(sqlite).toEqual(memory);
          }
        },
      ),
      { numRuns: 300 },
    );
    for (const store of stores) await store.close();
  }, 60_000);
});

async function newStore(catalogue: ReturnType<typeof openModelCatalogue>): Promise<ModelStore> {
  const generation = await catalogue.create("trades", { tables: [ROWS], modelVersion: 1 });
  return catalogue.openForWriting("trades", generation ?? 0);
}
