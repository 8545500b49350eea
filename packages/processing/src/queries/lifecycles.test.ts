import { waitsIn } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { describe, expect, test } from "@jest/globals";
import {
  CLUSTERS,
  HISTORY,
  HISTORY_PAST,
  NAMES,
  RECORDS,
  RELINKS,
} from "../models/lifecycle/tables.ts";
import type { Row, Table } from "../ports/model-store.ts";
import { isStuck, stuckRule } from "./anomaly-record.ts";
import type { Page } from "./answers.ts";
import { listRecords } from "./lifecycle-list.ts";
import { LIFECYCLES, lifecycleRecord } from "./lifecycle-record.ts";
import { findRecord, listHistory } from "./lifecycles.ts";
import { rowsOf } from "./testing/rows-of.ts";

const DAY = 86_400n * 1_000_000_000n;
const rule = stuckRule(10n * DAY, 86_400);
const nextTurn = async () => {};

/** The cluster of each record is its letter's place in the alphabet. */
const clusterOf = (id: string): number => id.charCodeAt(0) - 96;

function record(id: string, overrides: Row = {}): Row {
  const { stage = "pending" } = overrides;
  return {
    ...{ id, stage, waits: stage, updated_at: 0n, position: 1, state: "{}" },
    ...{ cluster: clusterOf(id), tail: JSON.stringify(["9", "0", "", "0"]), ...overrides },
  };
}

const history = (cluster: number, rows: readonly [stage: string, position: number][]): Row[] =>
  rows.map(([stage, position], at) => ({
    ...{
      record: cluster,
      at: BigInt(at),
      rank: 0,
      tie: "",
      seq: 0,
      word: "WORD",
      source: "status",
    },
    ...{ stage, after: stage, moves: 1, late: 0, since: position, position, cluster },
  }));

/** A model with these records, their names and histories. */
const modelOf = (
  records: readonly Row[],
  ...tables: readonly (readonly [table: Table, rows: readonly Row[]])[]
) =>
  rowsOf(
    [RECORDS, records],
    [
      CLUSTERS,
      records.map(({ id, cluster = null }) => ({
        id: cluster,
        data: JSON.stringify({ base: cluster, record: id }),
      })),
    ],
    [HISTORY_PAST, []],
    ...tables,
    ...[HISTORY, NAMES, RELINKS]
      .filter((table) => !tables.some(([other]) => other === table))
      .map((table) => [table, []] as const),
  );

describe("one record", () => {
  const records = [record("a"), record("b"), record("c")];
  const alias = (name: string, id: string) => {
    const cluster = clusterOf(id);
    return { name, kind: "alias", owner: String(cluster), cluster, count: 1 };
  };
  const aliases = [
    alias("hash", "a"),
    alias("hash", "b"),
    alias("old", "c"),
    alias("c", "a"),
    alias("gone", "z"),
  ];
  const find = async (id: string) =>
    findRecord(await modelOf(records, [NAMES, aliases]), {
      model: "withdrawals",
      platform: null,
      id,
      rule,
    });

  test("is found by its own id, before others with the same identifier", async () => {
    expect(await find("c")).toMatchObject({ outcome: "found", record: { id: "c" } });
  });

  test("is found by a former id", async () => {
    expect(await find("old")).toMatchObject({ outcome: "found", record: { id: "c" } });
  });

  test("is ambiguous if an identifier matches several", async () => {
    expect(await find("hash")).toEqual({ outcome: "ambiguous", candidates: ["a", "b"] });
  });

  test.each(["nobody", "gone"])("is missing where %s leads nowhere", async (id) => {
    expect(await find(id)).toEqual({ outcome: "missing" });
  });
});

describe("a history", () => {
  const stages = history(1, [
    ["pending", 4],
    ["settled", 5],
    ["settled", 9],
  ]);

  test("has an undone link after the entries recorded before it", async () => {
    const relink = { record: 1, position: 6, from: "settled", stage: "pending", occurred_at: null };
    const rows = await modelOf([record("a")], [HISTORY, stages], [RELINKS, [relink]]);
    const found = await findRecord(rows, { model: "withdrawals", id: "a", rule, platform: null });
    const shown = found.outcome === "found" ? found.record.history : [];
    expect(shown.map(({ source, stage, position }) => [source, stage, position])).toEqual([
      ["status", "pending", "4"],
      ["status", "settled", "5"],
      ["relink", "pending", "6"],
      ["status", "settled", "9"],
    ]);
    expect(shown[2]?.provider_status).toBe("link undone: settled → pending");
  });

  test("is read at an earlier position, without later versions", async () => {
    const [first] = stages;
    const past = { ...first, stage: "requested", since: 2, until: 4 };
    const row = record("a", { position: 3, tail: JSON.stringify(["0", "0", "", "0"]) });
    const rows = await rowsOf([HISTORY, stages], [HISTORY_PAST, [past]], [RELINKS, []]);
    const read = (asOf: number) =>
      lifecycleRecord<"withdrawals">(
        rows,
        { ...row, position: asOf },
        {
          stuck: null,
          moment: { at_position: asOf },
        },
      );
    expect((await read(3)).history.map(({ stage }) => stage)).toEqual(["requested"]);
    expect((await read(4)).history.map(({ stage }) => stage)).toEqual(["pending"]);
  });

  test("shows its newest 100 entries in the record; its pages have all of them", async () => {
    const all = history(
      1,
      Array.from({ length: 250 }, (_, at) => ["pending", at + 1] as [string, number]),
    );
    const row = record("a", { tail: JSON.stringify(["249", "0", "", "0"]) });
    const rows = await modelOf([row], [HISTORY, all]);
    const { history: shown } = await lifecycleRecord<"withdrawals">(rows, row, { stuck: null });
    expect([shown.length, shown[0]?.position, shown.at(-1)?.position]).toEqual([100, "151", "250"]);
    const pages: string[] = [];
    for (let beyond: Page<unknown>["next"] = null; ; ) {
      const page = await listHistory(
        rows,
        { model: "withdrawals", id: "a", platform: null },
        { limit: 99, beyond },
      );
      if (page.outcome !== "found") throw new TypeError("a record with a history");
      pages.push(...page.record.data.map(({ position }) => position));
      beyond = page.record.next;
      if (beyond === null) break;
    }
    expect(pages).toEqual(all.map(({ position }) => String(position)));
  });
});

describe("stuck", () => {
  test.each([
    ["pending", 9n * DAY - 1n, true],
    ["pending", 9n * DAY, false],
    ["pending", null, false],
    ["settled", 0n, true],
    [null, 0n, false],
  ])("a record that waits in %s since %s: %s", (waits, waits_since, expected) => {
    expect(isStuck({ stage: "settled", waits, waits_since }, rule)).toBe(expected);
  });

  test.each([
    ["withdrawals", "pending", "pending"],
    ["withdrawals", "settled", null],
    ["withdrawals", "returned", null],
    ["deposits", "held", "held"],
    ["deposits", "quarantined", null],
    ["trades", "active", "active"],
    ["trades", "terminated", null],
    ["trades", null, null],
  ] as const)("%s %s: waits in %s", (model, stage, expected) => {
    expect(waitsIn(LIFECYCLES[model], { stage, fields: {}, sums: {} })).toBe(expected);
  });

  test("is a filter of lists, page by page", async () => {
    const records = Array.from({ length: 9 }, (_, at) =>
      record(`r${at}`, {
        cluster: at + 1,
        updated_at: BigInt(at),
        waits_since: at % 3 === 0 ? 0n : 9n * DAY,
      }),
    );
    const rows = await modelOf(records);
    const list = async (stuck: boolean, beyond: readonly (string | bigint)[] | null) => {
      const page = { limit: 4, beyond };
      const query = {
        model: "withdrawals",
        filters: { stuck },
        page,
        rule,
        platform: null,
        nextTurn,
      } as const;
      const { data, next } = await listRecords(rows, query);
      return [data.map(({ id }) => id).join(" "), next];
    };
    expect(await list(true, null)).toEqual(["r6 r3 r0", null]);
    expect(await list(false, null)).toEqual(["r8 r7 r5 r4", [4n - 1n, "r3"]]);
    expect(await list(false, [3n, "r3"])).toEqual(["r2 r1", null]);
  });

  test("is found among very many that do not wait, without reading those", async () => {
    const settled = Array.from({ length: 3000 }, (_, at) =>
      record(`s${at}`, { stage: "settled", waits: null, updated_at: 9n, waits_since: 0n }),
    );
    const moving = ["requested", "pending", "failed"].map((stage, at) =>
      record("abc"[at] ?? "", { stage, updated_at: BigInt(at), waits_since: 0n }),
    );
    const rows = await modelOf([...settled, ...moving]);
    let read = 0;
    const select: typeof rows.select = async (table, selection) => {
      const found = await rows.select(table, selection);
      if (table === RECORDS) read += found.length;
      return found;
    };
    const page = { limit: 10, beyond: null };
    const query = {
      model: "withdrawals",
      filters: { stuck: true },
      page,
      rule,
      platform: null,
      nextTurn,
    } as const;
    const { data, next } = await listRecords({ ...rows, select }, query);
    expect([data.map(({ id }) => id), next]).toEqual([["c", "b", "a"], null]);
    expect(read).toBe(3);
  });
});
