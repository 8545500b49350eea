import { verifyEd25519 } from "@counterfoil/adapters/node/keys";
import { nodeBase64 } from "@counterfoil/adapters/node/runtime";
import type { TreeHead } from "@counterfoil/contracts/audit";
import { type ExportRange, exportLines } from "@counterfoil/processing/exports/export-ledger";
import {
  checkExport,
  type Imported,
  importLedger,
} from "@counterfoil/processing/exports/import-ledger";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { hashing, LEDGER } from "./support.ts";

export const NAMES = { name: LEDGER, environment: "production" };

/** Much later than anything that is exported: an import must not use it. */
const LATER = 1_990_000_000_000_000_000n;

/** An empty ledger in memory, on a clock of its own. */
export function emptyStream(): EventStream {
  const clock = createManualClock(LATER);
  return createMemoryEventStream({
    ...{ ledger: LEDGER, hashing, clock },
    storage: createMemoryStreamStorage(),
  });
}

/** An export as its file would be. */
export async function exportText(
  stream: EventStream,
  range: Partial<ExportRange> & Readonly<{ head?: TreeHead }> = {},
): Promise<string> {
  const to = (await stream.head()).position;
  const whole = { from: 1, to, account: null, ...range };
  const catalogue = createMemoryModelCatalogue();
  const sources = { stream, catalogue, hashing };
  const lines = exportLines({ ...sources, names: NAMES, base64: nodeBase64, ...whole });
  return (await Array.fromAsync(lines)).join("");
}

/** A file's lines come some at a time. */
const AT_ONCE = 7;

export function readingOf(text: string, names = NAMES) {
  const all = text.split("\n").slice(0, -1);
  async function* lines() {
    for (let at = 0; at < all.length; at += AT_ONCE) yield all.slice(at, at + AT_ONCE);
  }
  return { names, hashing, base64: nodeBase64, verify: verifyEd25519, lines };
}

/** As the command does it: read through first, then appended. */
export async function importText(
  stream: EventStream,
  text: string,
  names = NAMES,
): Promise<Imported> {
  const reading = readingOf(text, names);
  await checkExport(reading, await stream.head());
  return importLedger({ ...reading, stream });
}
