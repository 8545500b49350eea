import { constants, DatabaseSync } from "node:sqlite";
import type { Selection } from "@counterfoil/processing/ports/model-store";
import { ENTRIES } from "@counterfoil/processing/testing/sample-tables";
import { expect, test } from "@jest/globals";
import { createTableRows, layOutModel } from "./model-tables.ts";
import { openStreamConnection } from "./stream-file.ts";

/** Counts how often SQLite asks to authorize a part of a statement, which it does only to prepare one. */
function countPrepared(database: DatabaseSync): () => number {
  let prepared = 0;
  database.setAuthorizer(() => {
    prepared += 1;
    return constants.SQLITE_OK;
  });
  return () => prepared;
}

/** Selections of every form, for one of several values. */
const selectionsOf = (value: number): readonly Selection[] => [
  { orderBy: ["seq"], limit: value },
  { orderBy: ["seq"], limit: value, bytesMax: value },
  { where: [{ column: "account", is: "=", value: `${value}` }], orderBy: ["seq"], limit: value },
  { where: [{ column: "at", is: "<=", value: BigInt(value) }], orderBy: ["at"], limit: value },
  { where: [{ column: "seq", is: "in", value: [value] }], orderBy: ["seq"], limit: value },
  {
    among: { column: "account", is: "like", value: [`${value}:`, ""] },
    orderBy: ["seq"],
    limit: 1,
  },
  { orderBy: ["at", "seq"], beyond: [BigInt(value), value], descending: true, limit: value },
];

test("a selection is prepared once, whatever its values", () => {
  const database = new DatabaseSync(":memory:");
  const count = countPrepared(database);
  layOutModel(database, { tables: [ENTRIES], modelVersion: 1 });
  const rows = createTableRows(database);
  const readAll = (value: number) => {
    rows.get(ENTRIES, [`${value}`, value]);
    rows.count(ENTRIES, [{ column: "seq", is: "=", value }], value);
    for (const selection of selectionsOf(value)) rows.select(ENTRIES, selection);
  };
  readAll(1);
  const first = count();
  for (const value of [2, 3, 4]) readAll(value);
  expect(count()).toBe(first);
  database.close();
});

test("the stream's pages are prepared once, whatever their range", () => {
  const empty = { position: 0, hash: "", recordedAt: 0n };
  const options = { file: ":memory:", ledger: "prepared", mode: "create", empty } as const;
  const { database, statements } = openStreamConnection(options);
  const count = countPrepared(database);
  const readAll = (value: number) => {
    statements.page.all(value, value + 1, value);
    statements.windowOfTypes.all(value, value + 1, JSON.stringify([`${value}`]), value);
    statements.indexedPositions.all(`${value}`, value, value + 1, value);
  };
  readAll(1);
  const first = count();
  for (const value of [2, 3, 4]) readAll(value);
  expect(count()).toBe(first);
  database.close();
});
