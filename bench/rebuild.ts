import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { decideFact } from "@counterfoil/core/ingest/decide-delivery";
import { newEvent } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/fact-state";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { inFolder, openBenchStream } from "./append.ts";
import { type BareEvent, createBareFold, ENTRY_COLUMNS } from "./bare-entries.ts";
import { type BenchDelivery, benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow, rate } from "./measure.ts";

const BATCH = 10_000;

/**
 * The balances model from nothing. The limit scans the same stream, parses every event, folds the
 * balances with decimal.js and inserts the same entry rows, and does nothing else: no order, no
 * gaps, no digests, no change rows.
 */
export async function benchRebuild({ facts, accounts, rounds }: BenchOptions): Promise<BenchRow> {
  return inFolder(async (dataDir) => {
    const stream = await openBenchStream(dataDir);
    const deliveries = Math.ceil(facts / 3);
    await fillStream(stream, deliveries, accounts);
    const ours = () => rebuild(dataDir, stream, deliveries * 3);
    const limit = () => bareRebuild(dataDir, deliveries * 3);
    const measured = await alternate(rounds, ours, limit);
    await stream.close();
    return {
      name: "balance rebuild, SQLite",
      unit: "facts/s",
      limitName: "bare scan + JSON.parse + decimal.js fold + insert of the same entry rows",
      target: 0.6,
      ...measured,
    };
  });
}

/** Fills a stream as an ingestor does: each delivery, then its facts. */
export async function fillStream(
  stream: EventStream,
  deliveries: number,
  accounts: number,
): Promise<void> {
  const known = knownFacts(new Map());
  let group: BenchDelivery[] = [];
  let number = 0;
  let { position } = await stream.head();
  const flush = async () => {
    const events = group.flatMap((delivery) => {
      number += 1;
      known.ids.clear();
      known.states.clear();
      return deliveryEvents(delivery, number, known);
    });
    const result = await stream.append(position, events);
    if (result.outcome === "conflict") throw new Error("the bench is alone on its stream");
    position = result.head.position;
    group = [];
  };
  for (const delivery of benchDeliveries(deliveries, accounts)) {
    group.push(delivery);
    if (group.length === BATCH / 10) await flush();
  }
  if (group.length > 0) await flush();
}

function deliveryEvents(
  { facts, receivedAt }: BenchDelivery,
  number: number,
  known: ReturnType<typeof knownFacts>,
) {
  const id = `d0000000-0000-5000-8000-${number.toString(16).padStart(12, "0")}`;
  const cause = { deliveryId: id, correlationId: null, receivedAt };
  const data = {
    provider: "zerohash",
    channel: "webhook",
    payload_type: "account_balance.changed",
    verdict: { signature: "valid", scheme: "hmac", key: "1" },
    sha256: number.toString(16).padStart(64, "0"),
    length: 600,
    received_at: receivedAt,
    translation: 1,
  } as const;
  const received = newEvent(
    { type: "DeliveryReceived", data },
    { id, subject: `delivery:${id}` },
    cause,
  );
  return [received, ...facts.flatMap((fact) => decideFact(fact, known, cause, nodeHashing))];
}

async function rebuild(dataDir: string, stream: EventStream, facts: number): Promise<number> {
  const catalogue = openModelCatalogue({ dataDir });
  const figure = await rebuildIn(catalogue, stream, facts);
  await catalogue.close();
  return figure;
}

/** Rebuilds the balances until they are readable, and drops them. @returns facts per second */
export async function rebuildIn(
  catalogue: ModelCatalogue,
  stream: EventStream,
  facts: number,
): Promise<number> {
  const { model, tables, version: modelVersion } = balancesProjection;
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 0;
  const store = await catalogue.openForBuilding(model, generation, tables);
  const folding = await openProjectionRun({
    stream,
    projection: balancesProjection,
    store,
    hashing: nodeHashing,
  });
  const figure = await rate(facts, async () => {
    for (;;) {
      const after = folding.checkpoint.position;
      const events = await stream.read({ after, limit: BATCH });
      if (events.length === 0) return store.finish();
      await folding.fold(events);
    }
  });
  await catalogue.drop(model, generation);
  return figure;
}

async function bareRebuild(dataDir: string, facts: number): Promise<number> {
  const source = new DatabaseSync(join(dataDir, "stream.db"), { readOnly: true });
  const catalogue = openModelCatalogue({ dataDir });
  const { model, tables, version: modelVersion } = balancesProjection;
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 0;
  const target = new DatabaseSync(join(dataDir, "models", `${model}.${generation}.db`));
  target.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  const figure = await rate(facts, () => foldBare(source, target));
  target.close();
  source.close();
  await catalogue.drop(model, generation);
  await catalogue.close();
  return figure;
}

function foldBare(source: DatabaseSync, target: DatabaseSync): void {
  const marks = ENTRY_COLUMNS.map(() => "?").join(",");
  const insert = target.prepare(
    `INSERT INTO entries (${ENTRY_COLUMNS.join(",")}) VALUES (${marks})`,
  );
  const fold = createBareFold();
  let inBatch = 0;
  target.exec("BEGIN");
  for (const event of source
    .prepare("SELECT position, type, data FROM events ORDER BY position")
    .iterate()) {
    const values = fold(event as BareEvent);
    if (values === null) continue;
    insert.run(...values);
    inBatch += 1;
    if (inBatch % (BATCH / 4) === 0) target.exec("COMMIT; BEGIN");
  }
  target.exec("COMMIT");
}
