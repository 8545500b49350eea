import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { Table } from "@counterfoil/processing/ports/table";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { countRows } from "./row-count.ts";
import { hashing } from "./support.ts";

/** What a fact says; where it stands on the stream has no part in what it costs. */
export type HotFact = Readonly<{ type: string; data: object }>;

/** A key of which there are as many facts as one likes, hard in one way. */
export type HotKey = Readonly<{
  projection: Projection;
  /** Where each change leaves a row. */
  changesOf: Table;
  facts: (count: number) => readonly HotFact[];
}>;
export type HotKeys = Readonly<Record<string, HotKey>>;

/** How many facts there are of the key, and how many a commit holds. */
export type Amount = Readonly<{ count: number; every: number }>;

/** Counted, so that no machine's speed has a part in it. */
export type Work = Readonly<{
  /** Rows read and written for each fact. */
  perFact: number;
  /** The same for each account or record that changed. */
  perChange: number;
  /** Text written for each fact: a row that holds a whole history grows with it. */
  textPerFact: number;
  /** Rows that were asked for, over all. */
  asked: number;
}>;

/** What a model does that hears of nothing but a hot key. */
export async function workOf(
  catalogue: ModelCatalogue,
  { projection, changesOf, facts: factsOf }: HotKey,
  { count, every }: Amount,
): Promise<Work> {
  const facts = factsOf(count);
  const { model, tables, version: modelVersion } = projection;
  await catalogue.create(model, { tables, modelVersion });
  const opened = await catalogue.openForWriting(model, 1);
  const { store, ...counts } = countRows(opened, changesOf);
  try {
    const session = await projection.open(store, hashing);
    for (const [at, { type, data }] of facts.entries()) {
      const event = {
        ...{ position: at + 1, id: `e${at}`, type, schema_version: 1, subject: "", hash: `${at}` },
        ...{ causation_id: `d${at}`, correlation_id: null, occurred_at: null, recorded_at: 0n },
        data: JSON.stringify(data),
      };
      await session.apply(event as unknown as RecordedEvent);
      if (at % every === 0) await session.commit();
    }
    await session.commit();
    return {
      perFact: counts.rows() / facts.length,
      perChange: counts.rows() / counts.changes(),
      textPerFact: counts.textWritten() / facts.length,
      asked: counts.asked(),
    };
  } finally {
    await opened.close();
  }
}

export async function workOnSqlite(key: HotKey, amount: Amount): Promise<Work> {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-hot-"));
  const catalogue = openModelCatalogue({ dataDir });
  try {
    return await workOf(catalogue, key, amount);
  } finally {
    await catalogue.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
