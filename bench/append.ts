import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { decideFact } from "@counterfoil/core/ingest/decide-delivery";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/fact-state";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { benchClock, benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow, rate } from "./measure.ts";

const BATCH = 1000;

/**
 * Prepared facts to durable events in batches of 1,000: ids, look-up of known facts, decision, hash
 * chain, `synchronous=FULL`. The limit is a prepared insert of the same rows with unique ids.
 */
export async function benchAppend({ facts, accounts, rounds }: BenchOptions): Promise<BenchRow> {
  const ready = [...benchDeliveries(Math.ceil(facts / 3), accounts)].flatMap((d) => d.facts);
  let written: readonly RecordedEvent[] = [];
  const ours = () =>
    inFolder(async (dataDir) => {
      const stream = await openBenchStream(dataDir);
      const figure = await rate(ready.length, () => appendAll(stream, ready));
      if (written.length === 0) written = await stream.read({ after: 0, limit: ready.length });
      await stream.close();
      return figure;
    });
  await ours();
  const limit = () => inFolder((dataDir) => insertBare(dataDir, written));
  const measured = await alternate(rounds, ours, limit);
  return {
    name: "facts appended/s, SQLite",
    unit: "facts/s",
    limitName: "bare prepared insert of the same rows",
    target: 0.5,
    ...measured,
  };
}

export function openBenchStream(dataDir: string): Promise<EventStream> {
  return openEventStream({
    dataDir,
    ledger: "default",
    hashing: nodeHashing,
    clock: benchClock,
  });
}

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Per batch: ids, look-up of known facts, decision, append. */
export async function appendAll(
  stream: EventStream,
  facts: readonly ProviderFact[],
): Promise<void> {
  const cause = { deliveryId: null, correlationId: null, receivedAt: "2025-06-15T15:00:00Z" };
  for (let at = 0; at < facts.length; at += BATCH) {
    const batch = facts.slice(at, at + BATCH);
    const ids = batch.map((fact) => providerEventId(fact, nodeHashing));
    const { head, known } = await stream.findByIds(ids);
    const states = knownFacts(known);
    const events = batch.flatMap((fact) => decideFact(fact, states, cause, nodeHashing));
    await stream.append(head.position, events);
  }
}

const COLUMNS =
  "position, id, type, schema_version, subject, occurred_at, recorded_at, causation_id, correlation_id, hash, about, data";

const BARE_TABLE = `
  CREATE TABLE events (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
    schema_version INTEGER NOT NULL, subject TEXT NOT NULL, occurred_at INTEGER,
    recorded_at INTEGER NOT NULL, causation_id TEXT, correlation_id TEXT, hash TEXT NOT NULL,
    about TEXT, data TEXT NOT NULL
  )`;

async function insertBare(dataDir: string, events: readonly RecordedEvent[]): Promise<number> {
  const database = new DatabaseSync(join(dataDir, "bare.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec(BARE_TABLE);
  const marks = COLUMNS.split(",")
    .map(() => "?")
    .join(",");
  const insert = database.prepare(`INSERT INTO events (${COLUMNS}) VALUES (${marks})`);
  const figure = await rate(events.length, () => {
    for (let at = 0; at < events.length; at += BATCH) {
      database.exec("BEGIN IMMEDIATE");
      for (const e of events.slice(at, at + BATCH)) {
        const times = [e.occurred_at, e.recorded_at] as const;
        const ids = [e.causation_id, e.correlation_id, e.hash, null] as const;
        insert.run(e.position, e.id, e.type, e.schema_version, e.subject, ...times, ...ids, e.data);
      }
      database.exec("COMMIT");
    }
  });
  database.close();
  return figure;
}
