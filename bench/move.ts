import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readLines, writeParts } from "@counterfoil/adapters/node/files";
import { verifyEd25519 } from "@counterfoil/adapters/node/keys";
import { nodeBase64, nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import { exportLines } from "@counterfoil/processing/exports/export-ledger";
import { checkExport, importLedger } from "@counterfoil/processing/exports/import-ledger";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { appendAll, inFolder, openBenchStream } from "./append.ts";
import { benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow, rate } from "./measure.ts";

const NAMES = { name: "default", environment: "production" };
const FORMAT = {
  ...{ names: NAMES, hashing: nodeHashing, base64: nodeBase64, verify: verifyEd25519 },
  catalogue: createMemoryModelCatalogue(),
};

/**
 * Exports a ledger on SQLite to a file, and imports it into an empty one: events without bodies. The
 * export is compared with a loop that prints the rows of the table as JSON, the import with the append
 * of the same facts.
 */
export function benchMove(options: BenchOptions): Promise<readonly BenchRow[]> {
  return inFolder(async (folder) => {
    const { facts, accounts } = options;
    const ready = [...benchDeliveries(Math.ceil(facts / 3), accounts)].flatMap((d) => d.facts);
    const stream = await openBenchStream(folder);
    await openLedger(stream, NAMES, nodeHashing);
    await appendAll(stream, ready);
    const exporting = await exportRow(options, folder, stream);
    const importing = await importRow(options, ready, exportFile(folder));
    await stream.close();
    return [exporting, importing];
  });
}

const exportFile = (folder: string): string => join(folder, "ledger.jsonl");

async function exportRow(
  { rounds }: BenchOptions,
  folder: string,
  stream: EventStream,
): Promise<BenchRow> {
  const { position: to } = await stream.head();
  const ours = () => rate(to, () => inNewFile(folder, stream, to));
  const limit = () => rate(to, () => printBare(folder));
  await ours();
  const { ours: figure, limit: bare } = await alternate(rounds, ours, limit);
  // The file that the import row reads.
  await inFile(exportFile(folder), stream, to);
  return {
    name: "events exported/s, SQLite",
    unit: "events/s",
    ours: figure,
    limit: bare,
    limitName: "a bare scan, JSON.stringify of each row, write",
    ratio: null,
    target: 50_000,
  };
}

const inNewFile = (folder: string, stream: EventStream, to: number): Promise<void> =>
  inFile(join(folder, `${crypto.randomUUID()}.jsonl`), stream, to);

async function inFile(path: string, stream: EventStream, to: number): Promise<void> {
  await writeParts(path, exportLines({ stream, ...FORMAT, from: 1, to, account: null }));
}

function printBare(folder: string): void {
  const database = new DatabaseSync(join(folder, "stream.db"), { readOnly: true });
  const times = "CAST(occurred_at AS TEXT), CAST(recorded_at AS TEXT)";
  const others = "id, type, schema_version, subject, causation_id, correlation_id, data, hash";
  const all = database.prepare(
    `SELECT position, ${times}, ${others} FROM events ORDER BY position`,
  );
  all.setReturnArrays(true);
  const out = openSync(join(folder, "bare.jsonl"), "w");
  let text = "";
  for (const row of all.iterate()) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < 1_000_000) continue;
    writeSync(out, text);
    text = "";
  }
  writeSync(out, text);
  closeSync(out);
  database.close();
}

async function importRow(
  { rounds }: BenchOptions,
  ready: readonly ProviderFact[],
  file: string,
): Promise<BenchRow> {
  const count = ready.length;
  const ours = () => onNewStream((stream) => rate(count, () => importFile(stream, file)));
  const appends = () => onNewStream((stream) => rate(count, () => appendAll(stream, ready)));
  await ours();
  return {
    name: "events imported/s, SQLite",
    unit: "events/s",
    limitName: "the append of the same facts",
    target: 0.7,
    ...(await alternate(rounds, ours, appends)),
  };
}

/** Like the command: checks the whole file first. */
async function importFile(stream: EventStream, file: string): Promise<void> {
  const reading = { ...FORMAT, lines: () => readLines(file) };
  await checkExport(reading, await stream.head());
  await importLedger({ ...reading, stream });
}

function onNewStream<T>(work: (stream: EventStream) => Promise<T>): Promise<T> {
  return inFolder(async (dataDir) => {
    const stream = await openBenchStream(dataDir);
    try {
      return await work(stream);
    } finally {
      await stream.close();
    }
  });
}
