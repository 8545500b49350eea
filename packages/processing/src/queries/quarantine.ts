import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { quarantinedId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { type Page, type PageRequest, readPage } from "./page.ts";
import type { Platform } from "./platform.ts";
import { pagesOf, readBefore } from "./read-all.ts";

/** What a delivery's retries are found by. */
export type QuarantineReading = Readonly<{ translations: Translations; hashing: Hashing }>;

const TYPES = ["DeliveryQuarantined"] as const;

/** Every delivery that nobody could read, with what became of it, in order. */
export async function* readQuarantine(
  stream: EventStream,
  reading: QuarantineReading,
): AsyncGenerator<QuarantinedRecord> {
  for await (const events of pagesOf(stream, TYPES))
    yield* await recordsOf(stream, events, reading);
}

/** The delivery of this id; null where none such was quarantined. */
export async function findQuarantined(
  stream: EventStream,
  deliveryId: string,
  reading: QuarantineReading,
): Promise<QuarantinedRecord | null> {
  const id = quarantinedId(deliveryId, reading.hashing);
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  if (event?.type !== "DeliveryQuarantined") return null;
  const [record = null] = await recordsOf(stream, [event], reading);
  return record;
}

/** Where it was quarantined: newest first. */
export const QUARANTINE_KEY: readonly ColumnType[] = ["integer"];

export type QuarantineQuery = QuarantineReading &
  Readonly<{
    /** Only those that are still unread, or only those that were resolved. */
    open?: boolean;
    page: PageRequest;
    /** What nobody could read is nobody's: no platform sees any of it. */
    platform: Platform;
    nextTurn: Clock["nextTurn"];
  }>;

/**
 * A page of it, the newest first. Of deliveries that are not asked for a page looks at as many as
 * any list does (queries/page.ts), and ends short of its limit then.
 */
export async function listQuarantine(
  stream: EventStream,
  { open, page, platform, nextTurn, ...reading }: QuarantineQuery,
): Promise<Page<QuarantinedRecord>> {
  if (platform !== null) return { data: [], next: null };
  const head = await stream.head();
  return readPage<QuarantinedRecord, QuarantinedRecord>(page, {
    read: async (beyond, limit) => {
      const before = beyond === null ? head.position + 1 : Number(beyond[0]);
      return recordsOf(stream, await readBefore(stream, TYPES, { before, limit }), reading);
    },
    keyOf: ({ position }) => [Number(position)],
    recordOf: (delivery) => (open === undefined || open === isOpen(delivery) ? delivery : null),
    nextTurn,
  });
}

/** Nobody could read it yet. */
export const isOpen = ({ resolved_position }: QuarantinedRecord): boolean =>
  resolved_position === null;

async function recordsOf(
  stream: EventStream,
  quarantined: readonly RecordedEvent[],
  reading: QuarantineReading,
): Promise<readonly QuarantinedRecord[]> {
  const { translations, hashing } = reading;
  const retriesOf = ({ delivery_id }: DataOf<"DeliveryQuarantined">) =>
    retryIdsOf(delivery_id, translations.present, hashing);
  const deliveries = quarantined.map((event) => {
    const data = readData(event) as DataOf<"DeliveryQuarantined">;
    return { data, position: event.position, retries: retriesOf(data) };
  });
  const { known } = await stream.findByIds(deliveries.flatMap(({ retries }) => retries));
  return deliveries.map(({ data, position, retries }) => {
    const { translation: _, taken_by: _by, ...delivery } = data;
    const retried = retries
      .flatMap((id) => known.get(id)?.event ?? [])
      .sort((a, b) => a.position - b.position);
    const first = { attempts: 1, position: String(position), resolved_position: null };
    return retried.reduce(afterRetry, { ...delivery, ...first });
  });
}

function afterRetry(before: QuarantinedRecord, event: RecordedEvent): QuarantinedRecord {
  const { outcome, reason, detail } = readData(event) as DataOf<"QuarantineRetried">;
  return {
    ...before,
    attempts: before.attempts + 1,
    reason: reason ?? before.reason,
    detail: detail ?? before.detail,
    resolved_position: outcome === "resolved" ? String(event.position) : null,
  };
}
