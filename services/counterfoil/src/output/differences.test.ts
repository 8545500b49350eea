import type { RowDifference } from "@counterfoil/processing/generations/compare";
import { expect, test } from "@jest/globals";
import { describeDifferences, describeVersions } from "./differences.ts";

const row = { id: "a" };
const changed: RowDifference = {
  table: "accounts",
  key: ["a"],
  live: row,
  rebuilt: row,
  columns: ["balance", "status"],
};

test("rows that differ are told by their keys and columns, the first five of them", () => {
  expect(describeDifferences([changed, { ...changed, live: null }])).toBe(
    "live and rebuilt rows differ; accounts a differs in balance, status; accounts a is only in the rebuilt model",
  );
  expect(describeDifferences(Array.from({ length: 7 }, () => changed))).toMatch(/and 2 more rows$/);
});

test("a new model version is told by counts and samples", () => {
  const counts = { accounts: 1, entries: 0, records: null };
  expect(describeVersions({ position: 7, counts, samples: [changed] })).toBe(
    "at position 7, against the version before: accounts: 1 rows differ, entries: 0 rows differ, records: laid out otherwise; accounts a differs in balance, status",
  );
});
