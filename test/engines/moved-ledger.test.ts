import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Head } from "@counterfoil/core/stream/chain";
import {
  type RecordDifference,
  recordDifferences,
} from "@counterfoil/processing/generations/record-differences";
import { replayModel } from "@counterfoil/processing/generations/refold";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Checkpoint, ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { expect, test } from "@jest/globals";
import { emptyStream, exportText, importText, NAMES } from "../system/exports.ts";
import { byModel, hashing, LEDGER, type OpenTestEngine } from "../system/support.ts";
import { playFlow } from "./flow.ts";
import { eventstoreEngine, postgresEngine } from "./server-engines.ts";

const sqliteEngine: OpenTestEngine = async (clock) => {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-moved-"));
  return {
    openStream: () => openEventStream({ dataDir, ledger: LEDGER, hashing, clock }),
    catalogue: openModelCatalogue({ dataDir }),
    dispose: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
};

/** What a ledger is on an engine. */
type Ledger = Readonly<{
  head: Head;
  text: string;
  checkpoints: Readonly<Record<ModelName, Checkpoint>>;
  differences: readonly RecordDifference[];
}>;

/** Models are folded in stores of the engine's own, and what changed in the stream's second half read from them. */
async function ledgerOn(stream: EventStream, catalogue: ModelCatalogue): Promise<Ledger> {
  const head = await stream.head();
  const { findings } = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  expect(findings).toEqual([]);
  const checkpoints: Partial<Record<ModelName, Checkpoint>> = {};
  const differences: RecordDifference[] = [];
  for (const model of MODEL_NAMES) {
    const { position } = head;
    const options = { stream, catalogue, projection: PROJECTIONS[model], hashing, position };
    await replayModel(options, async (rows, checkpoint) => {
      checkpoints[model] = checkpoint;
      const between = { after: Math.floor(position / 2), upTo: position };
      for await (const one of recordDifferences(stream, rows, model, between))
        differences.push(one);
    });
  }
  const found = byModel((model) => checkpoints[model] as Checkpoint);
  return { head, text: await exportText(stream), checkpoints: found, differences };
}

/** Imports an export into an empty ledger of an engine, and exports it from there. */
async function moved(text: string, engine: OpenTestEngine): Promise<Ledger> {
  const { openStream, catalogue, dispose } = await engine(createManualClock(1n));
  const stream = await openStream();
  try {
    await importText(stream, text);
    return await ledgerOn(stream, catalogue);
  } finally {
    await catalogue.close();
    await stream.close();
    await dispose();
  }
}

describeOwnPostgres("a ledger that moves from engine to engine", (use) => {
  test("is the same on each: hashes, bytes, digests, differences", async () => {
    const played = await playFlow({ order: 1, together: 1, engine: "sqlite" });
    const first = await ledgerOn(played.stream, played.catalogue);
    const live = await played.checkpoints();
    await played.close();
    expect(first.checkpoints).toEqual(live);
    expect(first.differences.length).toBeGreaterThan(10);
    let text = first.text;
    const { url } = use();
    for (const engine of [postgresEngine(url), eventstoreEngine(url), sqliteEngine]) {
      const there = await moved(text, engine);
      expect(there).toEqual(first);
      text = there.text;
    }
  });

  test("goes into an engine that takes less at once than an import gives it", async () => {
    const source = emptyStream();
    await openLedger(source, NAMES, hashing);
    await source.append(1, sampleEvents(1, 6000));
    const text = await exportText(source);
    const { openStream, catalogue, dispose } = await eventstoreEngine(use().url)(
      createManualClock(1n),
    );
    const stream = await openStream();
    let appends = 0;
    const counted: EventStream = {
      ...stream,
      append: (...append) => {
        appends += 1;
        return stream.append(...append);
      },
    };
    expect(await importText(counted, text)).toMatchObject({ head: await source.head() });
    expect(appends).toBeGreaterThan(5);
    expect(await exportText(stream)).toBe(text);
    await catalogue.close();
    await stream.close();
    await dispose();
  });
});
