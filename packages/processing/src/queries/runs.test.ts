import { describe, expect, test } from "@jest/globals";
import { ENTRIES, MOVEMENTS } from "../models/balances/tables.ts";
import { findRun } from "./runs.ts";
import { rowsOf } from "./testing/rows-of.ts";

const entry = (account: string, run_id: string, occurred_at?: string) => ({
  account,
  id: `run:${run_id}`,
  kind: "run",
  run_id,
  run_type: "withdrawal",
  report: JSON.stringify({ data: { occurred_at }, position: 5, deliveryId: null }),
  movements: 0,
  position: 5,
});

const AT = "2021-11-29T12:37:06Z";

describe("a run", () => {
  const model = rowsOf([
    ENTRIES,
    [entry("zerohash:A", "1"), entry("layer1:B", "1"), entry("zerohash:A", "2", AT)],
  ]);
  const find = async (id: string) =>
    findRun(await model, id, { platform: null, nextTurn: async () => {} });

  test("of two providers is ambiguous", async () => {
    const candidates = ["layer1:1", "zerohash:1"];
    expect(await find("1")).toEqual({ outcome: "ambiguous", candidates });
  });

  test("by its provider has only the accounts of that one", async () => {
    expect(await find("layer1:1")).toMatchObject({
      outcome: "found",
      record: {
        provider: "layer1",
        run_type: "withdrawal",
        position: "5",
        accounts: [{ account: "layer1:B" }],
      },
    });
  });

  test("has the time and the type that its reports give", async () => {
    expect(await find("2")).toMatchObject({
      outcome: "found",
      record: { run_id: "2", provider: "zerohash", run_type: "withdrawal", occurred_at: AT },
    });
  });

  test("that nobody reported is missing", async () => {
    expect(await find("4")).toEqual({ outcome: "missing" });
  });
});

describe("a run of very many accounts", () => {
  test("shows 10,000 movements of them, and how many each has", async () => {
    const [accounts, each] = [14, 1000];
    const entries = Array.from({ length: accounts }, (_, at) => ({
      ...entry(`zerohash:${String.fromCharCode(65 + at)}`, "1"),
      movements: each,
    }));
    const movements = entries.flatMap(({ account }) =>
      Array.from({ length: each }, (_, at) => ({
        ...{ account, run_id: "1", movement_id: `m${at}`, change: "1", withdrawn: 0 },
        facts: JSON.stringify({ data: { movement_id: `m${at}`, change: "1" }, position: 1 }),
      })),
    );
    const rows = await rowsOf([ENTRIES, entries], [MOVEMENTS, movements]);
    const found = await findRun(rows, "1", { platform: null, nextTurn: async () => {} });
    const record = found.outcome === "found" ? found.record : null;
    const shown = record?.accounts.map((account) => account.movements.length);
    expect(shown).toEqual([...Array(10).fill(each), 0, 0, 0, 0]);
    const counts = record?.accounts.map(({ movement_count }) => movement_count);
    expect(counts).toEqual(Array(accounts).fill(each));
  });

  test("yields to other tasks", async () => {
    const entries = Array.from({ length: 450 }, (_, at) => entry(`zerohash:${at}`, "1"));
    let turns = 0;
    const rows = await rowsOf([ENTRIES, entries]);
    await findRun(rows, "1", { platform: null, nextTurn: async () => void turns++ });
    expect(turns).toBe(4);
  });
});
