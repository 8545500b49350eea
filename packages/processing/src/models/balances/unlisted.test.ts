import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../../ports/errors.ts";
import type { ModelStore } from "../../ports/model-store.ts";
import type { ProjectionSession } from "../../projection/projection.ts";
import { createMemoryModelCatalogue } from "../../testing/memory-model-catalogue.ts";
import { ANOMALIES } from "../columns.ts";
import { balancesProjection } from "./projection.ts";
import { ACCOUNTS } from "./tables.ts";

const hashing = { sha256: (text: string) => text.length.toString(16).padStart(64, "0") };

const accountOf = (name: string) => `zerohash:${name}:ABC123:general:available:BTC`;

function event(position: number, type: string, data: object): RecordedEvent {
  const ids = { id: `e${position}`, causation_id: `d${position}`, correlation_id: null };
  const times = { occurred_at: null, recorded_at: 0n };
  const rest = { position, type, schema_version: 1, subject: "", hash: `h${position}` };
  return { ...ids, ...times, ...rest, data: JSON.stringify(data) };
}

/** A feed whose snapshot lists the first `listed` accounts. */
function snapshot(first: number, connection: string, listed: number): RecordedEvent[] {
  const received_at = "2025-05-01T00:00:00Z";
  const feed = { provider: "zerohash", connection };
  const place = { connection, frame: 1 };
  const stated = { provider: "zerohash", balance: "5", place, received_at, translation: 2 };
  return [
    event(first, "FeedOpened", { ...feed, multi_chain: true, opened_at: received_at }),
    ...Array.from({ length: listed }, (_, at) =>
      event(first + 1 + at, "BalanceReported", { ...stated, account: accountOf(`P${at}`) }),
    ),
    event(first + 1 + listed, "SnapshotCompleted", { ...feed, frames: 1 }),
  ];
}

async function newStore(): Promise<ModelStore> {
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = balancesProjection;
  await catalogue.create("balances", { tables, modelVersion });
  return catalogue.openForWriting("balances", 1);
}

const open = (store: ModelStore): Promise<ProjectionSession> =>
  balancesProjection.open(store, hashing as unknown as Hashing);

async function fold(session: ProjectionSession, events: readonly RecordedEvent[]) {
  const { position } = session.checkpoint;
  for (const one of events) if (one.position > position) await session.apply(one);
  return session.commit();
}

const unlistedIn = async (store: ModelStore): Promise<unknown[]> => {
  const rows = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 99 });
  return rows.map(({ status }) => status);
};

describe("accounts missing from the newest snapshot", () => {
  const events = [...snapshot(1, "c1", 3), ...snapshot(6, "c2", 1), ...snapshot(9, "c3", 1)];

  test.each([1, 2, 3, 4])("are also found if a projector dies at its commit %i", async (dies) => {
    const whole = await newStore();
    const expected = await fold(await open(whole), events);
    expect(await unlistedIn(whole)).toEqual(["continuous", "unlisted", "unlisted"]);

    const store = await newStore();
    let commits = 0;
    const dying: ModelStore = {
      ...store,
      commit: async (commit) => {
        commits += 1;
        if (commits === dies) throw new ModelUnavailable("killed by the test");
        await store.commit(commit);
      },
    };
    await expect(open(dying).then((session) => fold(session, events))).rejects.toThrow("killed");
    expect(await fold(await open(store), events)).toEqual(expected);
    expect(await store.count(ANOMALIES)).toBe(2);
  });

  test("are read once, however many snapshots do not list them", async () => {
    const store = await newStore();
    const read = new Set<string>();
    const recording: ModelStore = {
      ...store,
      get: async (table, key) => {
        if (table === ACCOUNTS) read.add(String(key[0]));
        return store.get(table, key);
      },
    };
    await fold(await open(store), [...snapshot(1, "c1", 9), ...snapshot(12, "c2", 1)]);
    await fold(await open(recording), snapshot(15, "c3", 1));
    expect([...read]).toEqual([accountOf("P0")]);
    expect((await unlistedIn(store)).filter((status) => status === "unlisted")).toHaveLength(8);
  });
});
