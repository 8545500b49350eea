import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { ExplainedKind } from "@counterfoil/contracts/explanation";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { explain } from "@counterfoil/processing/queries/explain/explain";
import { stuckRule } from "@counterfoil/processing/queries/stuck";
import { expect, jest, test } from "@jest/globals";
import { HOT_SHAPES, type HotShape, hotEvents } from "./hot-shapes.ts";
import { hashing } from "./support.ts";

jest.setTimeout(600_000);

const FEW = Number(process.env.COUNTERFOIL_TEST_FEW ?? 1_000);
const MANY = Number(process.env.COUNTERFOIL_TEST_MANY ?? 4_000);

const KINDS = {
  balances: "balance",
  withdrawals: "withdrawal",
  deposits: "deposit",
  trades: "trade",
};

/** Rows that the newest page of an explanation asks for, after so many facts. */
async function askedAfter(shape: HotShape, facts: number) {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-explain-"));
  const catalogue = openModelCatalogue({ dataDir });
  try {
    const { model } = shape;
    const { tables, version: modelVersion } = PROJECTIONS[model];
    await catalogue.create(model, { tables, modelVersion });
    const store = await catalogue.openForWriting(model, 1);
    const session = await PROJECTIONS[model].open(store, hashing);
    const byId = new Map<string, RecordedEvent>();
    let position = 0;
    for (const event of hotEvents(shape.deliveries(facts))) {
      position += 1;
      const recorded = { ...event, position, hash: String(position), recorded_at: 0n };
      const fact = { type: event.type, data: JSON.parse(event.data) } as ProviderFact;
      if (!event.type.startsWith("F") && !event.type.startsWith("Snapshot")) {
        const id = providerEventId(fact, hashing);
        byId.set(id, { ...recorded, id });
      }
      await session.apply(recorded);
      if (position % 500 === 0) await session.commit();
    }
    await session.commit();
    await store.close();
    const reader = await catalogue.openForReading(model, 1);
    const asked = { rows: 0 };
    const stream = {
      findByIds: async (ids: readonly string[]) => ({
        known: new Map(
          ids.flatMap((id) => {
            const event = byId.get(id);
            return event === undefined ? [] : [[id, { event, amendments: [] }] as const];
          }),
        ),
      }),
    } as unknown as EventStream;
    const id = await reader.snapshot(async (rows) => {
      const table = model === "balances" ? ACCOUNTS : RECORDS;
      const [first] = await rows.select(table, { orderBy: ["id"], limit: 1 });
      return String(first?.id);
    });
    const models = {
      snapshot: <T>(
        _: unknown,
        read: (rows: Rows, checkpoint: never, generation: number) => Promise<T>,
      ) =>
        reader.snapshot((rows, checkpoint) => read(counting(rows, asked), checkpoint as never, 1)),
    };
    const started = process.cpuUsage();
    const explained = await explain({ stream, models } as never, {
      ...{ kind: KINDS[model] as ExplainedKind, id, limit: 100, platform: null, hashing },
      ...{ translations: TRANSLATIONS, standings: null, rule: stuckRule(0n, 1) },
      nextTurn: async () => {},
    });
    const { user, system } = process.cpuUsage(started);
    const took = (user + system) / 1000;
    await reader.close();
    if (explained.outcome !== "found") throw new Error(explained.outcome);
    const { facts: told } = explained.record;
    const roles = Object.fromEntries(
      [...Map.groupBy(told, ({ role }) => role)].map(([role, all]) => [role, all.length]),
    );
    console.log(
      shape.name,
      facts,
      "rows",
      asked.rows,
      "ms",
      Math.round(took),
      JSON.stringify(roles),
    );
    return { rows: asked.rows, facts: told.length };
  } finally {
    await catalogue.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function counting(rows: Rows, asked: { rows: number }): Rows {
  return {
    get: async (table, key) => {
      asked.rows += 1;
      return rows.get(table, key);
    },
    select: async (table, selection) => {
      const found = await rows.select(table, selection);
      asked.rows += Math.max(1, found.length);
      return found;
    },
    count: rows.count,
  };
}

const SHAPES = HOT_SHAPES.filter(({ name }) =>
  [
    "runs a second apart",
    "runs of one instant, in any order",
    "movements of one run",
    "snapshots of five quiet accounts",
    "statuses of one payment",
  ].includes(name),
);

/** However much is known of a key, the newest page costs the same. */
test.each(SHAPES.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
  const few = await askedAfter(shape, FEW);
  const many = await askedAfter(shape, MANY);
  expect(many.facts).toBe(few.facts);
  expect(many.rows).toBeLessThanOrEqual(1.5 * few.rows);
});
