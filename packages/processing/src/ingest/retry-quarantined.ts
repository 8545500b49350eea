import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/fact-state";
import { otherDeliveries } from "@counterfoil/core/ingest/quarantine";
import { decideRetry, retryIds } from "@counterfoil/core/ingest/retranslate";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { LargeReading, ReadLarge } from "../ports/ingest.ts";
import { appendDecided, type ConcurrentWriter } from "./append-decided.ts";
import { PART_FACTS, partsOf, readStored } from "./large-reading.ts";

type RetryOptions = ConcurrentWriter &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
    /** Reads large bodies with a limit of memory; here and without one if not given. */
    readLarge?: ReadLarge;
  }>;

/** Reads a quarantined delivery with the current translation, and records the result. */
export async function retryQuarantined(
  { delivery_id, detail }: QuarantinedRecord,
  options: RetryOptions,
): Promise<RetryRecord> {
  const { stream, translations } = options;
  const { known: found } = await stream.findByIds([delivery_id]);
  const received = found.get(delivery_id)?.event;
  const reading = received && (await readStored(received, translations.present, options));
  if (!received || !reading) return { delivery_id, outcome: "gone", detail: null };
  try {
    const result = await recordReading(received, reading, options);
    if (result === null) return { delivery_id, outcome: "tried", detail };
    return { delivery_id, outcome: result.outcome, detail: result.detail ?? null };
  } finally {
    reading.close();
  }
}

/**
 * Records what a reading states, part by part, and the attempt with the last one.
 *
 * @returns the recorded attempt; null if this translation was tried before
 */
async function recordReading(
  received: RecordedEvent,
  reading: LargeReading,
  options: RetryOptions,
): Promise<DataOf<"QuarantineRetried"> | null> {
  const { translations, hashing } = options;
  const translation = translations.present;
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const others = otherDeliveries({ ...data, translation }, reading.summary, hashing);
  const own = retryIds(received.id, { translation, others }, hashing);
  const parts = partsOf(reading);
  for (let at = 0; at < parts; at += 1) {
    const facts = await reading.facts(at * PART_FACTS, (at + 1) * PART_FACTS);
    const part = { facts, at, parts };
    const retry = { received, reading: reading.summary, part, translation, others };
    const ids = [...own, ...facts.map((fact) => providerEventId(fact, hashing))];
    const events = await appendDecided(options, ids, (known) =>
      known.has(own[0] ?? "") ? [] : decideRetry(retry, knownFacts(known), hashing),
    );
    const last = events.at(-1);
    if (last?.type === "QuarantineRetried") return JSON.parse(last.data);
  }
  return null;
}
