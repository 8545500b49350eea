import type { AnomalyKind, AnomalyRecord } from "@counterfoil/contracts/operations-record";
import { STAGES } from "@counterfoil/contracts/record";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ANOMALIES, ATTENTION } from "../models/columns.ts";
import { KNOWN_STUCK, RECORDS } from "../models/lifecycle/tables.ts";
import type { Row, Rows, Value } from "../ports/model-store.ts";
import {
  type AnomalyFilters,
  type AnomalyPart,
  mergeAnomalies,
  readAnomalies,
} from "./anomalies.ts";
import {
  anomalyRecord,
  countStuck,
  isStuck,
  stuckRecord,
  stuckRule,
  waitingStages,
} from "./anomaly-record.ts";
import { anomalyFor } from "./platform.ts";
import { rowsOf } from "./testing/rows-of.ts";

const MODELS = ["balances", "deposits", "withdrawals"] as const;
type Model = (typeof MODELS)[number];

const DAY = 86_400n * 1_000_000_000n;
const rule = stuckRule(10n * DAY, 86_400);
const nextTurn = async () => {};
const NOTHING_READ = async () => {
  throw new Error("a count reads no rows");
};

function anomaly(id: string, rest: Row = {}): Row {
  const row: Row = { id, kind: "gap", subject: "a", detail: "{}", opened_position: 1, ...rest };
  const isClosed = typeof row.closed_position === "number";
  const isKnown = typeof row.acknowledged_at === "bigint";
  const open = isKnown ? ATTENTION.acknowledged : ATTENTION.open;
  return { ...row, attention: isClosed ? ATTENTION.closed : open };
}

function record(id: string, rest: Row = {}): Row {
  const { stage = "pending" } = rest;
  return { id, stage, waits: stage, waits_since: 0n, position: 1, ...rest };
}

/** The anomalies of each model. */
type World = Readonly<
  Record<
    Model,
    Readonly<{ anomalies: readonly Row[]; records: readonly Row[]; known?: readonly Row[] }>
  >
>;

const open = async ({ anomalies, records, known = [] }: World[Model]): Promise<Rows> =>
  rowsOf([ANOMALIES, anomalies], [RECORDS, records], [KNOWN_STUCK, known]);

/** All of them in order, read to the end. */
function allOf(world: World, { kind, subject, open }: AnomalyFilters): readonly AnomalyRecord[] {
  const found = MODELS.flatMap((model) => {
    const { anomalies, records, known = [] } = world[model];
    const stored = anomalies.map((row) => ({
      record: anomalyRecord({ closed_position: null, ...row }, model),
      place: [row.attention, row.opened_position, model, row.id],
    }));
    const stuck = records.flatMap((row) => {
      if (model === "balances" || !isStuck(row, rule)) return [];
      const said = known.find(({ id, stage }) => id === row.id && stage === row.stage);
      const attention = said === undefined ? ATTENTION.open : ATTENTION.acknowledged;
      const place = [attention, row.position, `${model}:stuck`, row.id];
      return [{ record: stuckRecord(row, model, rule, said), place }];
    });
    return [...stored, ...stuck];
  });
  const isLess = (a: readonly unknown[], b: readonly unknown[]): boolean => {
    const at = a.findIndex((value, index) => value !== b[index]);
    return at >= 0 && (a[at] as string) < (b[at] as string);
  };
  return found
    .sort((a, b) => (isLess(a.place, b.place) ? 1 : -1))
    .map(({ record }) => record)
    .filter(
      (one) =>
        (kind === undefined || kind.includes(one.kind)) &&
        (subject === undefined || subject.includes(one.subject)) &&
        (open === undefined || open === (one.closed_position === null)),
    );
}

async function onePage(
  models: readonly (readonly [Model, Rows])[],
  filters: AnomalyFilters,
  page: Readonly<{ limit: number; beyond: readonly Value[] | null }>,
) {
  const parts: AnomalyPart[] = [];
  for (const [model, rows] of models) {
    parts.push(
      ...(await readAnomalies(rows, { model, filters, page, rule, platform: null, nextTurn })),
    );
  }
  return mergeAnomalies(parts, page.limit);
}

async function allPages(
  models: readonly (readonly [Model, Rows])[],
  filters: AnomalyFilters,
  limit: number,
) {
  const found: AnomalyRecord[] = [];
  let pages = 0;
  let beyond: readonly Value[] | null = null;
  do {
    const page = await onePage(models, filters, { limit, beyond });
    expect(page.data.length).toBeLessThanOrEqual(limit);
    found.push(...page.data);
    pages += 1;
    beyond = page.next;
  } while (beyond !== null);
  return { found, pages };
}

const modelsOf = async (world: World) =>
  Promise.all(MODELS.map(async (model) => [model, await open(world[model])] as const));

const stageOf = (model: Model, at: number): string => {
  const stages = STAGES[model === "balances" ? "trades" : model];
  return stages[at % stages.length] ?? "";
};

const position = fc.integer({ min: 1, max: 6 });
const anomalyArbitrary = fc.record({
  kind: fc.constantFrom("gap", "clock", "stopped"),
  subject: fc.constantFrom("a", "b", "c"),
  opened_position: position,
  closed_position: fc.option(fc.integer({ min: 7, max: 9 })),
  acknowledged_at: fc.option(fc.constant(5n)),
});
const recordArbitrary = fc.record({
  stage: fc.nat({ max: 20 }),
  waits_since: fc.constantFrom(0n, 10n * DAY),
  isWaiting: fc.boolean(),
  isKnown: fc.boolean(),
  position,
});
const worldArbitrary = fc
  .record({
    anomalies: fc.array(fc.array(anomalyArbitrary, { maxLength: 12 }), { minLength: 3 }),
    records: fc.array(fc.array(recordArbitrary, { maxLength: 12 }), { minLength: 3 }),
  })
  .map(({ anomalies, records }): World => {
    const of = (model: Model, at: number): World[Model] => {
      const made = (records[at] ?? []).map(({ isWaiting, ...row }, id) => {
        const stage = stageOf(model, row.stage);
        const { waits_since, position } = row;
        const mayWait = model !== "balances" && waitingStages(model).includes(stage);
        const waits = isWaiting && mayWait ? stage : null;
        const isKnown = row.isKnown && waits !== null;
        const rest = { stage, waits, waits_since, position, is_known: isKnown ? 1 : null };
        return { row: record("abcdefghijkl"[id] ?? "", rest), isKnown };
      });
      const known = made.filter(({ isKnown }) => isKnown).map(({ row }) => row);
      return {
        anomalies: (anomalies[at] ?? []).map((row, id) => anomaly(`${row.kind}:${id}`, row)),
        records: made.map(({ row }) => row),
        known: known.map(({ is_known: _, ...row }) => ({
          ...{ ...row, acknowledged_at: 7n, acknowledged_by: "Ann", note: "seen" },
        })),
      };
    };
    return {
      balances: of("balances", 0),
      deposits: of("deposits", 1),
      withdrawals: of("withdrawals", 2),
    };
  });
const filtersArbitrary = fc.record(
  {
    kind: fc.subarray<AnomalyKind>(["gap", "clock", "stuck"], { minLength: 1 }),
    subject: fc.subarray(["a", "b", "nobody"], { minLength: 1 }),
    open: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe("anomalies", () => {
  test("of several models are paged in order, each once", async () => {
    await fc.assert(
      fc.asyncProperty(
        worldArbitrary,
        filtersArbitrary,
        fc.constantFrom(1, 2, 7, 100),
        async (world, filters, limit) => {
          const { found } = await allPages(await modelsOf(world), filters, limit);
          expect(found).toEqual(allOf(world, filters));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("of very many anomalies", () => {
  const MANY = 4500;
  const empty = { anomalies: [], records: [] };

  /** How many rows the pages of a list read, and how many pages it has. */
  async function workOf(world: World, filters: AnomalyFilters, limit: number) {
    let read = 0;
    let most = 0;
    const counted = (await modelsOf(world)).map(([model, rows]) => {
      const select: Rows["select"] = async (table, selection) => {
        const found = await rows.select(table, selection);
        read += found.length;
        return found;
      };
      return [model, { ...rows, select }] as const;
    });
    const found: AnomalyRecord[] = [];
    let pages = 0;
    let beyond: readonly Value[] | null = null;
    do {
      read = 0;
      const page = await onePage(counted, filters, { limit, beyond });
      most = Math.max(most, read);
      found.push(...page.data);
      pages += 1;
      beyond = page.next;
    } while (beyond !== null);
    return { found, most, pages };
  }

  test("that are closed, the open ones are on one page", async () => {
    const anomalies = Array.from({ length: MANY }, (_, at) =>
      anomaly(`gap:${at}`, { opened_position: at, closed_position: at < 3 ? null : at + 1 }),
    );
    const world = { balances: { ...empty, anomalies }, deposits: empty, withdrawals: empty };
    const { found, most, pages } = await workOf(world, { open: true }, 50);
    expect(found.map(({ id }) => id)).toEqual(["gap:2", "gap:1", "gap:0"]);
    expect([most, pages]).toEqual([3, 1]);
  });

  test("that no index separates, a page scans 2,000 and can be continued", async () => {
    const anomalies = Array.from({ length: MANY }, (_, at) =>
      anomaly(`gap:${at}`, { opened_position: at, kind: at < 3 ? "clock" : "gap" }),
    );
    const world = { balances: { ...empty, anomalies }, deposits: empty, withdrawals: empty };
    const { found, most, pages } = await workOf(world, { kind: ["clock"], subject: ["a"] }, 50);
    expect(found).toHaveLength(3);
    expect(most).toBeLessThanOrEqual(2100);
    expect(pages).toBeLessThanOrEqual(MANY / 2000 + 1);
  });

  test("that are acknowledged, a page reads as many rows as it shows, and a count reads none", async () => {
    const KNOWN = 1500;
    const records = Array.from({ length: KNOWN }, (_, at) =>
      record(`w${at}`, { position: at, is_known: at < 2 ? null : 1 }),
    );
    const known = records.slice(2).map(({ is_known: _, ...row }) => ({
      ...{ ...row, acknowledged_at: 7n, acknowledged_by: "Ann", note: "seen" },
    }));
    const withdrawals = { ...empty, records, known };
    const world = { balances: empty, deposits: empty, withdrawals };
    const rows = await open(withdrawals);
    const read = { ...rows, select: NOTHING_READ, get: NOTHING_READ };
    expect(await countStuck(read, "withdrawals", rule)).toEqual([
      { model: "withdrawals", stage: "pending", open: KNOWN, unacknowledged: 2 },
    ]);
    const page = await onePage(
      [["withdrawals", rows]],
      { kind: ["stuck"] },
      { limit: 50, beyond: [ATTENTION.acknowledged, KNOWN, "withdrawals:stuck", ""] },
    );
    expect(page.data.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 50 }, (_, at) => `w${KNOWN - 1 - at}`),
    );
    const { found, most } = await workOf(world, { kind: ["stuck"] }, 1000);
    expect(found).toHaveLength(KNOWN);
    expect(most).toBeLessThanOrEqual(2 * 2100);
  });

  test("of records that wait, the stuck ones are found by pages, too", async () => {
    const records = Array.from({ length: MANY }, (_, at) =>
      record(`w${at}`, { position: at, waits_since: at % 2000 === 1 ? 0n : 10n * DAY }),
    );
    const ended = { stage: "settled", waits: null };
    const settled = records.map((row) => ({ ...row, id: `s${row.id}`, ...ended }));
    const withdrawals = { ...empty, records: [...records, ...settled] };
    const world = { balances: empty, deposits: empty, withdrawals };
    const { found, most, pages } = await workOf(world, {}, 50);
    expect(found.map(({ subject }) => subject)).toEqual(["w4001", "w2001", "w1"]);
    expect(most).toBeLessThanOrEqual(2100);
    expect(pages).toBeLessThanOrEqual(MANY / 2000 + 1);
  });
});

test("to a platform, the amounts of a side of a trade are not shown, only that they differ", () => {
  const detailOf = (field: string, platform: string | null) => {
    const detail = JSON.stringify({ field, stated: "1 BTC", contradicted_by: "2 BTC" });
    const row = anomaly("contradiction:T", { kind: "contradiction", subject: "T", detail });
    return anomalyFor(anomalyRecord({ closed_position: null, ...row }, "trades"), platform)?.detail;
  };
  expect(detailOf("sell_amount", "PART1")).toEqual({ field: "sell_amount" });
  expect(detailOf("sell_amount", null)).toMatchObject({ stated: "1 BTC" });
  expect(detailOf("trade_quantity", "PART1")).toMatchObject({ stated: "1 BTC" });
});
