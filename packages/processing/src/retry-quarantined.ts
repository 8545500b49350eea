import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/fact-state";
import { decideRetry, retryIds } from "@counterfoil/core/ingest/retranslate";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendDecided, type Contender } from "./append-decided.ts";
import { readStored } from "./ingest/delivery.ts";

export type RetryOptions = Contender &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
  }>;

export type RetryResult = Readonly<{
  deliveryId: string;
  /** `tried`: this translation was tried before; `gone`: the body was erased. */
  outcome: "resolved" | "unreadable" | "tried" | "gone";
  detail: string | null;
}>;

/** Reads a quarantined delivery with the present translation, and records what came of it. */
export async function retryQuarantined(
  { delivery_id, detail }: QuarantinedRecord,
  options: RetryOptions,
): Promise<RetryResult> {
  const { stream, translations, hashing } = options;
  const deliveryId = delivery_id;
  const { known: found } = await stream.findByIds([deliveryId]);
  const received = found.get(deliveryId)?.event;
  const reading = received && (await readStored(received, translations.present, options));
  if (!received || !reading) return { deliveryId, outcome: "gone", detail: null };
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  const ids = [...retryIds(deliveryId, translations.present, hashing), ...facts];
  const retry = { received, reading, translation: translations.present };
  const events = await appendDecided(options, ids, (known) =>
    known.has(ids[0] ?? "") ? [] : decideRetry(retry, knownFacts(known), hashing),
  );
  if (events.length === 0) return { deliveryId, outcome: "tried", detail };
  if (reading.ok) return { deliveryId, outcome: "resolved", detail: null };
  return { deliveryId, outcome: "unreadable", detail: reading.detail };
}
