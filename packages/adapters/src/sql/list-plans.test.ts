import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { ACCOUNT_STARTS, ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { PARTIES, PARTY_CHANGES, RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type {
  Condition,
  ModelCatalogue,
  Row,
  Selection,
  Table,
} from "@counterfoil/processing/ports/model-store";
import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import { openModelCatalogue as openOnPostgres } from "../postgres/model-catalogue.ts";
import { PAGES_BY_INDEX, POSTGRES } from "../postgres/model-tables.ts";
import { describePostgres } from "../postgres/testing/use-postgres.ts";
import { openModelCatalogue as openOnSqlite } from "../sqlite/model-catalogue.ts";
import { SQLITE } from "../sqlite/model-tables.ts";
import { createTablesSql } from "./tables.ts";

const MODEL = "trades";
const ROWS = 20_000;

const is = (column: string, value: Condition["value"]): Condition => ({ column, is: "=", value });

type Query = Readonly<{ table: Table; selection: Selection; index?: string }>;

function newestFirst(table: Table, key: readonly string[], where: readonly Condition[]): Query[] {
  const selection = { where, orderBy: key, descending: true, limit: 51 };
  const beyond = key.map((column) => ({ id: "x", attention: 2 })[column] ?? 15_000);
  return [
    { table, selection },
    { table, selection: { ...selection, beyond } },
  ];
}

/** Queries of lists, each for the first page and from a cursor: anomalies, records, a party's records. */
const LISTS: readonly Query[] = [
  ...[[], [is("kind", "gap")], [is("subject", "s1")], [is("attention", 2)]].flatMap((where) =>
    newestFirst(ANOMALIES, ["attention", "opened_position", "id"], where),
  ),
  ...newestFirst(RECORDS, ["updated_at", "id"], [is("stage", "pending")]),
  ...newestFirst(RECORDS, ["updated_at", "id"], [is("waits", "pending")]),
  ...newestFirst(RECORDS, ["position", "id"], [is("waits", "pending")]),
  ...newestFirst(PARTIES, ["updated_at", "id"], [is("party", "p1")]),
  ...newestFirst(PARTIES, ["updated_at", "id"], [is("stage", "pending"), is("party", "p1")]),
  ...newestFirst(PARTIES, ["updated_at", "id"], [is("waits", "pending"), is("party", "p1")]),
  ...newestFirst(PARTIES, ["position", "id"], [is("waits", "pending"), is("party", "p1")]),
  ...newestFirst(PARTIES, ["opened_at", "id"], [is("party", "p1")]),
  ...newestFirst(PARTY_CHANGES, ["position", "id"], [is("party", "p1")]),
];

const by = (column: string, value: Condition["value"]): Condition => ({ column, is: "<=", value });

/** Queries for accounts that may have existed: all in order of time, or one page in list order. */
const STARTS: readonly Query[] = [
  ...[by("first_at", 50n), by("first_position", 50)].map((where): Query => {
    const orderBy = [where.column, "account"];
    const selection = { where: [where], orderBy, limit: 1000 };
    return { table: ACCOUNT_STARTS, selection, index: orderBy.join("_") };
  }),
  ...[
    [is("provider", "zerohash")],
    [is("participant_code", "p1")],
    [is("account_group", "g1")],
    [is("asset", "BTC")],
  ].flatMap((where) =>
    [[by("first_at", 1000n)], [by("first_at", 1000n), by("first_position", 15_000)]].flatMap(
      (begun) =>
        ["", "a015000"].map((beyond): Query => {
          const selection = {
            ...{ where: [...where, ...begun], orderBy: ["account"], beyond: [beyond], limit: 101 },
          };
          const index = [...where.map(({ column }) => column), "account_first_at_first_position"];
          return { table: ACCOUNT_STARTS, selection, index: index.join("_") };
        }),
    ),
  ),
];

function inOrderOfIds(...where: readonly Condition[]): Query[] {
  return ["", "a015000"].map((beyond) => ({
    table: ACCOUNTS,
    selection: { where, orderBy: ["id"], beyond: [beyond], limit: 101 },
  }));
}

/** Balances by each filter, whether few or many accounts match it. */
const BALANCES: readonly Query[] = [
  ...inOrderOfIds(is("asset", "BTC")),
  ...inOrderOfIds(is("asset", "ETH")),
  ...inOrderOfIds(is("participant_code", "p1")),
  ...inOrderOfIds(is("account_group", "g1")),
];

/** A group's by an asset. SQLite does not know how many match; PostgreSQL decides by how many do. */
const OF_GROUP = ["BTC", "ETH"].flatMap((asset) =>
  inOrderOfIds(is("asset", asset), is("account_group", "g1")).map((query): Query => {
    return { ...query, index: "account_group_asset_id" };
  }),
);

const QUERIES = [...LISTS, ...STARTS, ...BALANCES];

/**
 * The anomalies that a platform's key sees. SQLite once sought their subjects by the beginning of
 * each pattern, which nearly all have, and sorted all that it found for each page.
 */
const OF_PLATFORM = newestFirst(ANOMALIES, ["attention", "opened_position", "id"], []).map(
  ({ table, selection }): Query => {
    const patterns = [
      ["zerohash:p1:", ""],
      ["zerohash:", ":p1"],
    ];
    const anyOf = patterns.map((value) => ({ column: "subject", is: "like", value }) as const);
    return { table, selection: { ...selection, among: { anyOf } } };
  },
);

/** Enough rows in each table for a planner to prefer an index. */
async function build(catalogue: ModelCatalogue): Promise<void> {
  const { version: modelVersion } = PROJECTIONS[MODEL];
  const tables = [...PROJECTIONS[MODEL].tables, ACCOUNT_STARTS, ACCOUNTS];
  const generation = (await catalogue.create(MODEL, { tables, modelVersion })) ?? 0;
  const store = await catalogue.openForBuilding(MODEL, generation, tables);
  const rowsOf = (table: Table, row: (at: number) => Row) => ({
    table,
    rows: Array.from({ length: ROWS }, (_, at) => ({
      ...Object.fromEntries(Object.keys(table.columns).map((column) => [column, null])),
      ...row(at),
    })),
  });
  const anomalies = rowsOf(ANOMALIES, (at) => ({
    ...{ id: `gap:${at}`, kind: at % 20 === 0 ? "gap" : "clock", subject: `s${at % 20}` },
    ...{ opened_position: at, attention: at % 20 === 0 ? 2 : 0 },
  }));
  const records = rowsOf(RECORDS, (at) => ({
    ...{ id: `w${at}`, position: at },
    ...(at % 20 === 0 ? { stage: "pending", waits: "pending" } : { stage: "settled" }),
    ...{ updated_at: BigInt(at), waits_since: BigInt(at) },
  }));
  // One in twenty belongs to the platform.
  const party = (at: number) => ({ id: `w${at}`, party: `p${at % 20}`, position: at });
  const parties = rowsOf(PARTIES, (at) => ({
    ...party(at),
    ...(at % 2 === 1 ? { stage: "pending", waits: "pending" } : { stage: "settled" }),
    ...{ opened_at: BigInt(at), updated_at: BigInt(at) },
  }));
  // Rows are inserted in another order than that of the list.
  const starts = rowsOf(ACCOUNT_STARTS, (at) => ({
    ...{ account: `a${String((at * 7919) % ROWS).padStart(6, "0")}`, provider: "zerohash" },
    ...{ participant_code: `p${at % 20}`, account_group: `g${at % 20}` },
    ...{ asset: at % 20 === 0 ? "BTC" : "ETH", first_at: BigInt(at), first_position: at },
  }));
  const accounts = rowsOf(ACCOUNTS, (at) => ({
    ...{ id: `a${String((at * 7919) % ROWS).padStart(6, "0")}`, provider: "zerohash" },
    ...{ participant_code: `p${at % 20}`, account_group: at % 3 === 0 ? "g2" : "g1" },
    ...{ asset: at % 20 === 0 ? "BTC" : "ETH" },
  }));
  const inserts = [anomalies, records, parties, rowsOf(PARTY_CHANGES, party), starts, accounts];
  const checkpoint = await store.checkpoint();
  await store.commit({ inserts, puts: [], deletes: [], checkpoint });
  await store.finish();
}

describe("lists", () => {
  test("on SQLite seek each page in an index that has its order", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-plans-"));
    await build(openOnSqlite({ dataDir }));
    const sqliteSql = createTablesSql(SQLITE, ({ name }) => `"${name}"`);
    const database = new DatabaseSync(join(dataDir, "models", `${MODEL}.1.db`));
    for (const { table, selection, index = "" } of [...QUERIES, ...OF_GROUP, ...OF_PLATFORM]) {
      const { text: sql, values } = sqliteSql(table).select(selection);
      const plan = database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...(values as SQLInputValue[]));
      const steps = plan.map(({ detail }) => String(detail));
      const isWhole = selection.where?.length === 0 && selection.beyond === undefined;
      const begins = `^${isWhole ? "SCAN" : "SEARCH"} ${table.name} USING (COVERING )?INDEX .*${index}`;
      expect([sql, steps]).toEqual([sql, [expect.stringMatching(begins)]]);
    }
    // Stuck records are counted from the index alone, without reading rows.
    const { text, values } = sqliteSql(RECORDS).count([
      is("waits", "pending"),
      { column: "waits_since", is: "<", value: 1000n },
    ]);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...(values as SQLInputValue[]));
    expect(plan.map(({ detail }) => detail)).toEqual([
      expect.stringContaining("SEARCH records USING COVERING INDEX records_waits_waits_since"),
    ]);
    database.close();
    rmSync(dataDir, { recursive: true });
  });
});

describePostgres("lists on PostgreSQL", (use) => {
  test("seek each page in an index that has its order", async () => {
    const ledger = use().newLedger();
    const catalogue = openOnPostgres({ url: use().url, ledger });
    await build(catalogue);
    await catalogue.close();
    const schema = `"counterfoil_${ledger}__${MODEL}"`;
    const postgresSql = createTablesSql(POSTGRES, ({ name }) => `${schema}."${name}_1"`);
    const client = new pg.Client(use().url);
    await client.connect();
    // The settings of connections that select.
    for (const [name, value] of Object.entries(PAGES_BY_INDEX)) {
      await client.query(`SET ${name} TO ${value}`);
    }
    for (const { table, selection } of QUERIES) {
      const { text, values } = postgresSql(table).select(selection);
      const { rows } = await client.query(`EXPLAIN ${text}`, [...values]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect([text, plan]).toEqual([
        text,
        expect.stringMatching(/^Limit.*\n *-> +Index (Only )?Scan/),
      ]);
      expect(plan).not.toMatch(/Sort|Filter/);
    }
    await client.end();
  });
});
