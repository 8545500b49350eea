import { describe, expect, test } from "@jest/globals";
import { ENTRIES, RUNS } from "../models/balances/tables.ts";
import { findRun } from "./runs.ts";
import { rowsOf } from "./testing/rows-of.ts";

const run = (provider: string, run_id: string) => ({
  id: `${provider}:${run_id}`,
  provider,
  run_id,
  run_type: "deposit",
  position: 3,
});
const facts = '{"report":null,"movements":[]}';
const entry = (account: string, run_id: string) => ({
  account,
  id: `run:${run_id}`,
  run_id,
  run_type: "withdrawal",
  facts,
  position: 5,
});

describe("a run", () => {
  const model = rowsOf(
    [RUNS, [run("zerohash", "1"), run("layer1", "1"), run("zerohash", "3")]],
    [ENTRIES, [entry("zerohash:A", "1"), entry("layer1:B", "1"), entry("zerohash:A", "2")]],
  );
  const find = async (id: string) => findRun(await model, id);

  test("that two providers have has to be chosen", async () => {
    const candidates = ["layer1:1", "zerohash:1"];
    expect(await find("1")).toEqual({ outcome: "ambiguous", candidates });
  });

  test("by its provider has that one's accounts alone", async () => {
    expect(await find("layer1:1")).toMatchObject({
      outcome: "found",
      record: {
        provider: "layer1",
        run_type: "deposit",
        position: "5",
        accounts: [{ account: "layer1:B" }],
      },
    });
  });

  test("is found where only its movements came", async () => {
    expect(await find("2")).toMatchObject({
      outcome: "found",
      record: { run_id: "2", provider: "zerohash", run_type: "withdrawal", occurred_at: null },
    });
  });

  test("is found where nothing came of it yet", async () => {
    const record = { run_id: "3", accounts: [], position: "3" };
    expect(await find("3")).toMatchObject({ outcome: "found", record });
  });

  test("that nobody reported is missing", async () => {
    expect(await find("4")).toEqual({ outcome: "missing" });
  });
});
