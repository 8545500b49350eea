import { expect, test } from "@jest/globals";
import type { Row, Rows, Table } from "../ports/model-store.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import {
  compareRows,
  describeDifferences,
  describeVersions,
  type RowDifference,
} from "./compare.ts";

const TABLE: Table = {
  name: "notes",
  columns: { id: { type: "text", state: true }, note: { type: "text", state: true } },
  key: ["id"],
  indexes: [],
  digested: "both",
};

async function generationWith(rows: readonly Row[]): Promise<Rows> {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("trades", { tables: [TABLE], modelVersion: 1 });
  const store = await catalogue.openForWriting("trades", 1);
  const checkpoint = { ...(await store.checkpoint()), position: 1 };
  await store.commit({ inserts: [{ table: TABLE, rows }], puts: [], deletes: [], checkpoint });
  return store;
}

const differences = async (live: readonly Row[], rebuilt: readonly Row[]) =>
  (await compareRows([TABLE], await generationWith(live), await generationWith(rebuilt), 10)).map(
    ({ key, columns }) => [key, columns],
  );

test("rows that are missing on a side, or differ, are found one by one", async () => {
  const live = ["a", "b", "d"].map((id) => ({ id, note: id }));
  const rebuilt = [
    { id: "b", note: "other" },
    { id: "c", note: "c" },
    { id: "d", note: "d" },
  ];
  expect((await differences(live, rebuilt)).map(([key]) => key)).toEqual([["a"], ["b"], ["c"]]);
});

test("keys are compared in the order in which engines read them: by code points", async () => {
  const [replacement, face] = [
    { id: "\ufffd", note: "" },
    { id: "\u{1f600}", note: "" },
  ];
  const found = await differences([replacement, face], [face]);
  expect(found.map(([key]) => key)).toEqual([[replacement.id]]);
});

const row = { id: "a" };
const changed: RowDifference = {
  table: "accounts",
  key: ["a"],
  live: row,
  rebuilt: row,
  columns: ["balance", "status"],
};

test("the first five differing rows are described by their keys and columns", () => {
  expect(describeDifferences([changed, { ...changed, live: null }])).toBe(
    "live and rebuilt rows differ; accounts a differs in balance, status; accounts a is only in the rebuilt model",
  );
  expect(describeDifferences(Array.from({ length: 7 }, () => changed))).toMatch(/and 2 more rows$/);
});

test("a new model version is described by counts and samples", () => {
  const counts = { accounts: 1, entries: 0, records: null };
  expect(describeVersions({ position: 7, counts, samples: [changed] })).toBe(
    "at position 7, against the version before: accounts: 1 differing row, entries: 0 differing rows, records: laid out otherwise; accounts a differs in balance, status",
  );
});
