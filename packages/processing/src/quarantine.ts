import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { decideRetry, retryId } from "@counterfoil/core/ingest/decide-retry";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/known-facts";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { EventStream } from "./ports/event-stream.ts";
import { readStored } from "./read-stored.ts";

/** Every delivery that nobody could read, with what became of it, in order. */
export async function listQuarantine(stream: EventStream): Promise<readonly QuarantinedRecord[]> {
  const deliveries = new Map<string, QuarantinedRecord>();
  for await (const { type, data, position } of quarantineEvents(stream)) {
    if (type === "DeliveryQuarantined") {
      const {
        delivery_id,
        translation: _,
        ...quarantined
      } = JSON.parse(data) as DataOf<"DeliveryQuarantined">;
      const attempt = { attempts: 1, position: String(position), resolved_position: null };
      deliveries.set(delivery_id, { delivery_id, ...quarantined, ...attempt });
      continue;
    }
    const retried = JSON.parse(data) as DataOf<"QuarantineRetried">;
    const before = deliveries.get(retried.delivery_id);
    if (before === undefined) continue;
    deliveries.set(retried.delivery_id, {
      ...before,
      attempts: before.attempts + 1,
      reason: retried.reason ?? before.reason,
      detail: retried.detail ?? before.detail,
      resolved_position: retried.outcome === "resolved" ? String(position) : null,
    });
  }
  return [...deliveries.values()];
}

async function* quarantineEvents(stream: EventStream): AsyncGenerator<RecordedEvent> {
  const types = ["DeliveryQuarantined", "QuarantineRetried"];
  for (let after = 0; ; ) {
    const page = await stream.read({ after, limit: 1000, types });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.position;
  }
}

export type RetryOptions = Readonly<{
  stream: EventStream;
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
  const { known: found } = await stream.lookUp([deliveryId]);
  const received = found.get(deliveryId)?.event;
  const reading = received && (await readStored(received, translations.present, options));
  if (!received || !reading) return { deliveryId, outcome: "gone", detail: null };
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  const ids = [retryId(deliveryId, translations.present, hashing), ...facts];
  for (;;) {
    const { head, known } = await stream.lookUp(ids);
    if (known.has(ids[0] ?? "")) return { deliveryId, outcome: "tried", detail };
    const events: readonly NewEvent[] = decideRetry(
      { received, reading, translation: translations.present },
      knownFacts(known),
      hashing,
    );
    const result = await stream.append(head.position, events);
    if (result.outcome === "conflict") continue;
    if (reading.ok) return { deliveryId, outcome: "resolved", detail: null };
    return { deliveryId, outcome: "unreadable", detail: reading.detail };
  }
}
