import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, SECOND, timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { expect, test } from "@jest/globals";
import { createMemoryModelCatalogue } from "../../testing/memory-model-catalogue.ts";
import { balancesProjection } from "./projection.ts";
import { ACCOUNTS, ENTRIES } from "./tables.ts";

/* A run without a time is ordered among 256 neighbours, whatever arrived before it or after it. */

const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";
const hashing = { sha256: (text: string) => text.length.toString(16).padStart(64, "0") };
const timeAt = (seconds: number) =>
  formatTime(timeOf("2026-09-21T00:00:00Z") + BigInt(seconds) * SECOND);

type Run = Readonly<{ id: number; balance: number; change: number; at?: number; arrives: number }>;

function factsOf({ id, balance, change, at, arrives }: Run) {
  const run_id = String(id).padStart(6, "0");
  const time = at === undefined ? {} : { occurred_at: timeAt(at) };
  const base = { provider: "zerohash", account: ACCOUNT, run_id, translation: 2 };
  const stated = { ...base, ...time, received_at: timeAt(arrives) };
  const movement = { movement_id: `m${run_id}`, movement_type: "deposit", change: `${change}` };
  return [
    { type: "MovementRecorded", data: { ...stated, ...movement } },
    { type: "BalanceReported", data: { ...stated, balance: `${balance}` } },
  ];
}

async function projected(runs: readonly Run[], eventsPerCommit: number) {
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = balancesProjection;
  await catalogue.create("balances", { tables, modelVersion });
  const store = await catalogue.openForWriting("balances", 1);
  const session = await balancesProjection.open(store, hashing as unknown as Hashing);
  for (const [at, { type, data }] of runs.flatMap(factsOf).entries()) {
    const ids = { id: `e${at}`, causation_id: `d${at}`, correlation_id: null, hash: `h${at}` };
    const rest = { schema_version: 1, subject: ACCOUNT, occurred_at: null, recorded_at: 0n };
    const event: RecordedEvent = {
      ...{ ...ids, ...rest, type, position: at + 1 },
      data: JSON.stringify(data),
    };
    await session.apply(event);
    if ((at + 1) % eventsPerCommit === 0) await session.commit();
  }
  await session.commit();
  const [account] = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 1 });
  const orderBy = ["account", "placed_at", "rank", "mark"];
  const entries = await store.select(ENTRIES, { orderBy, limit: 1000 });
  const { balance, status, open_gaps } = account ?? {};
  return { balance, status, open_gaps, order: entries.map(({ id }) => id) };
}

const BEFORE = 300;
const before = Array.from({ length: BEFORE }, (_, at) => ({
  ...{ id: at + 1, balance: at + 1, change: 1 },
  ...{ at: at + 1, arrives: 2_000_000 },
}));
const undated = { id: 9000, balance: BEFORE + 12, change: 7, arrives: 1_000_000 };
/** The counter says that it came before the undated run, and so do the balances. */
const dated = { id: 8000, balance: BEFORE + 5, change: 5, at: 1_000_010, arrives: 2_000_001 };

test.each([
  ["the older runs, the undated one", [...before, undated, dated]],
  ["the undated run, the older ones", [undated, ...before, dated]],
  ["the undated run, the newest one", [undated, dated, ...before]],
])("%s first: one order and one balance", async (_, runs) => {
  for (const eventsPerCommit of [10_000, 7]) {
    const found = await projected(runs, eventsPerCommit);
    expect(found).toMatchObject({ balance: "312", status: "continuous", open_gaps: 0 });
    expect(found.order.slice(-2)).toEqual(["run:008000", "run:009000"]);
  }
});
