import { describe, expect, test } from "@jest/globals";
import { ALIASES, RECORDS } from "../models/lifecycle/tables.ts";
import type { Row } from "../ports/table.ts";
import { findRecord, listRecords } from "./lifecycles.ts";
import { isStuck, stuckRule } from "./stuck.ts";
import { rowsOf } from "./testing/rows-of.ts";

const DAY = 86_400n * 1_000_000_000n;
const rule = stuckRule(10n * DAY, 86_400);
const nextTurn = async () => {};

/** A record with a history of these stages, recorded at these positions. */
function record(id: string, overrides: Row = {}, history: readonly [string, number][] = []): Row {
  const entry = { provider_status: "WORD", occurred_at: null, effective_at: null, moves: true };
  const told = { ...entry, seconds_in_stage: null, source: "status" };
  const place = { late: false, delivery_id: null };
  return {
    id,
    stage: "pending",
    updated_at: 0n,
    position: 1,
    state: JSON.stringify({ history: history.map(([stage]) => ({ ...told, stage })) }),
    detail: JSON.stringify({
      history: history.map(([, position]) => ({ ...place, position })),
      relinks: [],
    }),
    ...overrides,
  };
}

describe("one record", () => {
  const records = [record("a"), record("b"), record("c")];
  const alias = (text: string, id: string) => ({ alias: text, record: id });
  const aliases = [
    alias("hash", "a"),
    alias("hash", "b"),
    alias("old", "c"),
    alias("c", "a"),
    alias("gone", "z"),
  ];
  const find = async (id: string) =>
    findRecord(await rowsOf([RECORDS, records], [ALIASES, aliases]), {
      model: "withdrawals",
      id,
      rule,
    });

  test("is found by its own id, before others that are called so too", async () => {
    expect(await find("c")).toMatchObject({ outcome: "found", record: { id: "c" } });
  });

  test("is found by a former id", async () => {
    expect(await find("old")).toMatchObject({ outcome: "found", record: { id: "c" } });
  });

  test("has to be chosen where a text stands for several", async () => {
    expect(await find("hash")).toEqual({ outcome: "ambiguous", candidates: ["a", "b"] });
  });

  test.each(["nobody", "gone"])("is missing where %s leads nowhere", async (id) => {
    expect(await find(id)).toEqual({ outcome: "missing" });
  });
});

describe("a history", () => {
  test("has an undone link behind what was recorded before it", async () => {
    const relinks = [{ position: 6, from: "settled", stage: "pending", occurred_at: null }];
    const told = record("a", {}, [
      ["pending", 4],
      ["settled", 5],
      ["settled", 9],
    ]);
    const detail = JSON.stringify({ ...JSON.parse(String(told.detail)), relinks });
    const rows = await rowsOf([RECORDS, [{ ...told, detail }]], [ALIASES, []]);
    const found = await findRecord(rows, { model: "withdrawals", id: "a", rule });
    const history = found.outcome === "found" ? found.record.history : [];
    expect(history.map(({ source, stage, position }) => [source, stage, position])).toEqual([
      ["status", "pending", "4"],
      ["status", "settled", "5"],
      ["relink", "pending", "6"],
      ["status", "settled", "9"],
    ]);
    expect(history[2]?.provider_status).toBe("link undone: settled → pending");
  });
});

describe("stuck", () => {
  test.each([
    ["pending", 9n * DAY - 1n, true],
    ["pending", 9n * DAY, false],
    ["pending", null, false],
    ["settled", 0n, false],
    ["returned", 0n, false],
  ])("a withdrawal %s since %s: %s", (stage, entered_at, expected) => {
    expect(isStuck({ stage, entered_at }, "withdrawals", rule)).toBe(expected);
  });

  test.each([
    ["deposits", "held", true],
    ["deposits", "quarantined", false],
    ["trades", "active", true],
    ["trades", "terminated", false],
    ["trades", null, false],
  ] as const)("%s %s: %s", (model, stage, expected) => {
    expect(isStuck({ stage, entered_at: 0n }, model, rule)).toBe(expected);
  });

  test("is told apart in lists, page by page", async () => {
    const records = Array.from({ length: 9 }, (_, at) =>
      record(`r${at}`, { updated_at: BigInt(at), entered_at: at % 3 === 0 ? 0n : 9n * DAY }),
    );
    const rows = await rowsOf([RECORDS, records]);
    const list = async (stuck: boolean, beyond: readonly (string | bigint)[] | null) => {
      const page = { limit: 4, beyond };
      const query = { model: "withdrawals", filters: { stuck }, page, rule, nextTurn } as const;
      const { data, next } = await listRecords(rows, query);
      return [data.map(({ id }) => id).join(" "), next];
    };
    expect(await list(true, null)).toEqual(["r6 r3 r0", null]);
    expect(await list(false, null)).toEqual(["r8 r7 r5 r4", [4n - 1n, "r3"]]);
    expect(await list(false, [3n, "r3"])).toEqual(["r2 r1", null]);
  });
});
