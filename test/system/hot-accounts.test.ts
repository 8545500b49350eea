import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { BALANCE_CHANGES } from "@counterfoil/processing/models/balances/tables";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { countRows } from "./row-count.ts";
import { hashing } from "./support.ts";

/**
 * What one more fact of an account costs, in rows read and written: as much after thousands as after
 * hundreds, in whatever order they come. Counted, so that no machine's speed has a part in it.
 */
const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";
const START = 1_790_000_000_000_000_000n;

type Fact = Readonly<{ type: string; data: Readonly<Record<string, unknown>> }>;

const timeAt = (ms: number): string => formatTime(START + BigInt(Math.round(ms * 1000)) * 1000n);
const ARRIVAL = timeAt(86_400_000);

const movementOf = (run: number, change: number, ms: number, movement = `m${run}`): Fact => ({
  type: "MovementRecorded",
  data: {
    provider: "zerohash",
    account: ACCOUNT,
    movement_id: movement,
    movement_type: "transfer",
    change: String(change),
    run_id: String(run),
    occurred_at: timeAt(ms),
    received_at: ARRIVAL,
    translation: 2,
  },
});

const reportOf = (run: number, balance: number): Fact => ({
  type: "BalanceReported",
  data: {
    provider: "zerohash",
    account: ACCOUNT,
    run_id: String(run),
    balance: String(balance),
    received_at: ARRIVAL,
    translation: 2,
  },
});

/** One run: its movement, and the balance after it. */
const runOf = (run: number, change: number, balance: number, ms: number): Fact[] => [
  movementOf(run, change, ms),
  reportOf(run, balance),
];

const up = (count: number, at: (n: number) => number): Fact[][] =>
  Array.from({ length: count }, (_, n) => runOf(1000 + n, 1, n + 1, at(n)));

const jittered = (count: number, stepMs: number): Fact[][] => {
  const random = createRandom(count, "jitter");
  return up(count, (n) => n * stepMs + random.below(18));
};

/** A feed that is opened again and again, and whose snapshot lists the account as it stands. */
const quiet = (count: number): Fact[][] => [
  runOf(1, 5, 5, 0),
  ...Array.from({ length: count }, (_, n) => {
    const connection = `c${n}`;
    const about = { provider: "zerohash", connection };
    const at = timeAt(60_000 * (n + 1));
    return [
      { type: "FeedOpened", data: { ...about, multi_chain: true, opened_at: at } },
      {
        type: "BalanceReported",
        data: {
          provider: "zerohash",
          account: ACCOUNT,
          balance: "5",
          place: { connection, frame: 1 },
          received_at: at,
          translation: 2,
        },
      },
      { type: "SnapshotCompleted", data: { ...about, frames: 1 } },
    ];
  }),
];

/** An account of so many runs, of which some are withdrawn here and there. */
const withdrawn = (count: number): Fact[][] => [
  ...up(count, (n) => n * 1000),
  ...Array.from({ length: 20 }, (_, n) => {
    const run = String(1000 + Math.floor((count / 20) * n));
    const key = { account: ACCOUNT, run_id: run };
    const about = { event_id: `e${run}`, event_type: "BalanceReported", key, translation: 2 };
    return [{ type: "FactWithdrawn", data: about }];
  }),
];

const SHAPES: Readonly<Record<string, (count: number) => Fact[][]>> = {
  "a second apart": (count) => up(count, (n) => n * 1000),
  "5 ms apart": (count) => up(count, (n) => n * 5),
  "5 ms apart, with times that err": (count) => jittered(count, 5),
  "1 ms apart, with times that err": (count) => jittered(count, 1),
  "of one instant": (count) => up(count, () => 0),
  "of one instant, in any order": (count) =>
    shuffled(
      up(count, () => 0),
      createRandom(count, "instant"),
    ),
  "newest first": (count) => up(count, (n) => n * 5).reverse(),
  "newest first, with times that err": (count) => jittered(count, 5).reverse(),
  "in any order": (count) =>
    shuffled(
      up(count, (n) => n * 1000),
      createRandom(count, "any"),
    ),
  "with a gap between each two": (count) =>
    Array.from({ length: count }, (_, n) => runOf(1000 + n, 1, 2 * n + 2, n)),
  "of which nobody dated one in ten": (count) =>
    up(count, (n) => n * 1000).map((facts, n) =>
      n % 10 === 0
        ? facts.map(({ type, data: { occurred_at: _, ...data } }) => ({ type, data }))
        : facts,
    ),
  "that are all one, with that many movements": (count) => [
    Array.from({ length: count }, (_, n) => movementOf(7, 1, n % 10, `m${n}`)),
    [reportOf(7, count)],
  ],
  "and that many snapshots of a quiet account": quiet,
  "of which twenty are withdrawn": withdrawn,
};

/** Rows read and written for each fact, where a commit holds so many. */
async function workOf(shape: (count: number) => Fact[][], count: number, every: number) {
  const facts = shape(count).flat();
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-hot-"));
  const catalogue = openModelCatalogue({ dataDir });
  const { model, tables, version: modelVersion } = balancesProjection;
  await catalogue.create(model, { tables, modelVersion });
  const opened = await catalogue.openForWriting(model, 1);
  const { store, rows } = countRows(opened, BALANCE_CHANGES);
  const session = await balancesProjection.open(store, hashing);
  for (const [at, { type, data }] of facts.entries()) {
    const event = {
      ...{ position: at + 1, id: `e${at}`, type, schema_version: 1, subject: ACCOUNT },
      ...{ hash: `${at}`, causation_id: `d${at}`, correlation_id: null, occurred_at: null },
      ...{ recorded_at: 0n, data: JSON.stringify(data) },
    };
    await session.apply(event as unknown as RecordedEvent);
    if (at % every === 0) await session.commit();
  }
  await session.commit();
  await opened.close();
  await catalogue.close();
  rmSync(dataDir, { recursive: true, force: true });
  return rows() / facts.length;
}

const [FEW, MANY] = [1_000, 4_000];

describe("one more fact costs the same after thousands: runs", () => {
  test.each(Object.entries(SHAPES))("%s", async (_, shape) => {
    for (const every of [10, 400]) {
      const [few, many] = [await workOf(shape, FEW, every), await workOf(shape, MANY, every)];
      expect(many).toBeLessThanOrEqual(1.5 * few);
    }
  });
});
