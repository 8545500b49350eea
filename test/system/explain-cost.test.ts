import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { ExplainedKind } from "@counterfoil/contracts/audit";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type {
  Checkpoint,
  ModelCatalogue,
  ModelReader,
  Rows,
} from "@counterfoil/processing/ports/model-store";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { explain } from "@counterfoil/processing/queries/explain/explain";
import { expect, test } from "@jest/globals";
import { HOT_SHAPES, type HotShape, hotEvents } from "./hot-shapes.ts";
import { hashing } from "./support.ts";

const FEW = 800;
const MANY = 3_200;

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
    const known = await fold(catalogue, shape, facts);
    const reader = await catalogue.openForReading(shape.model, 1);
    const explained = await explainFirst(reader, shape.model, known);
    await reader.close();
    return explained;
  } finally {
    await catalogue.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

type Known = ReadonlyMap<string, RecordedEvent>;

/** @returns the provider's facts by their ids, as a stream would find them */
async function fold(catalogue: ModelCatalogue, shape: HotShape, facts: number): Promise<Known> {
  const projection = PROJECTIONS[shape.model];
  const { tables, version: modelVersion, model } = projection;
  await catalogue.create(model, { tables, modelVersion });
  const store = await catalogue.openForWriting(model, 1);
  const session = await projection.open(store, hashing);
  const known = new Map<string, RecordedEvent>();
  let position = 0;
  for (const event of hotEvents(shape.deliveries(facts))) {
    position += 1;
    const recorded = { ...event, position, hash: String(position), recorded_at: 0n };
    await session.apply(recorded);
    if (/^(?:F|Snapshot)/.test(event.type)) continue;
    const fact = { type: event.type, data: JSON.parse(event.data) } as ProviderFact;
    const id = providerEventId(fact, hashing);
    known.set(id, { ...recorded, id });
    if (position % 500 === 0) await session.commit();
  }
  await session.commit();
  await store.close();
  return known;
}

/** The newest page of the model's first record, and how many rows it took. */
async function explainFirst(reader: ModelReader, model: HotShape["model"], known: Known) {
  const asked = { rows: 0 };
  const findByIds = async (ids: readonly string[]) => {
    const found = ids.map((id) => [id, known.get(id)] as const);
    const events = found.flatMap(([id, event]) =>
      event === undefined ? [] : [[id, { event, amendments: [] }] as const],
    );
    return { known: new Map(events) };
  };
  const models = {
    snapshot: <T>(
      _: unknown,
      read: (rows: Rows, checkpoint: Checkpoint, generation: number) => Promise<T>,
    ) => reader.snapshot((rows, checkpoint) => read(counting(rows, asked), checkpoint, 1)),
  };
  const id = await reader.snapshot(async (rows) => {
    const table = model === "balances" ? ACCOUNTS : RECORDS;
    const [first] = await rows.select(table, { orderBy: ["id"], limit: 1 });
    return String(first?.id);
  });
  const explained = await explain({ stream: { findByIds }, models } as never, {
    ...{ kind: KINDS[model] as ExplainedKind, id, limit: 100, platform: null, hashing, moment: {} },
    ...{ translations: TRANSLATIONS, standings: null, rule: stuckRule(0n, 1) },
    nextTurn: async () => {},
  });
  if (explained.outcome !== "found") throw new Error(explained.outcome);
  return { rows: asked.rows, facts: explained.record.facts.length };
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
  // A page ends also where it has read enough, which is a fact sooner or later.
  expect(many.facts).toBeGreaterThan(0.9 * few.facts);
  expect(many.rows).toBeLessThanOrEqual(1.5 * few.rows);
});
