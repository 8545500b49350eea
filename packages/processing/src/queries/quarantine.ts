import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord } from "@counterfoil/contracts/operations-record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { dismissalId, quarantinedId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { ATTENTION } from "../models/columns.ts";
import { QUARANTINED } from "../models/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, pagesOf } from "../ports/event-stream.ts";
import type { ColumnType, Rows } from "../ports/model-store.ts";
import { beyondPart, type Page, type PageRequest, readPage, selectEither } from "./answers.ts";
import type { Platform } from "./platform.ts";

/** Required to derive the ids of a delivery's retries. */
type QuarantineReading = Readonly<{ translations: Translations; hashing: Hashing }>;

const TYPES = ["DeliveryQuarantined"] as const;

/** Every quarantined delivery with its current state, in stream order. */
export async function* readQuarantine(
  stream: EventStream,
  reading: QuarantineReading,
): AsyncGenerator<QuarantinedRecord> {
  for await (const events of pagesOf(stream, TYPES))
    yield* await recordsOf(stream, events, reading);
}

/** The quarantined delivery with this id; null if there is none. */
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

/** The level of attention, then the position of the quarantining, both descending. */
export const QUARANTINE_KEY: readonly ColumnType[] = ["integer", "integer"];

/** Exact matches with any of some values. */
export type QuarantineFilters = Readonly<
  Partial<Record<"provider" | "channel" | "payload_type", readonly string[]>>
>;

type QuarantineQuery = QuarantineReading &
  Readonly<{
    filters?: QuarantineFilters;
    /** true: only unresolved deliveries; false: only resolved ones. */
    open?: boolean;
    /** Includes dismissed deliveries. */
    dismissed?: boolean;
    page: PageRequest;
    /** An unreadable delivery has no known owner, so platforms see none of them. */
    platform: Platform;
    nextTurn: Clock["nextTurn"];
  }>;

/** `record`: null if filtered out. */
type Shown = Readonly<{ attention: number; position: number; record: QuarantinedRecord | null }>;

/**
 * A page of quarantined deliveries: first those that need a person, the newest first. The balances
 * model lists them; their content and state are read from the stream. Of a delivery that is
 * filtered out only the first event is read, and a page scans a limited number before it ends
 * short.
 */
export async function listQuarantine(
  rows: Rows,
  stream: EventStream,
  { open, dismissed = false, filters = {}, page, platform, nextTurn, ...reading }: QuarantineQuery,
): Promise<Page<QuarantinedRecord>> {
  if (platform !== null) return { data: [], next: null };
  const shown = [
    ...(open === false ? [] : [ATTENTION.open, ...(dismissed ? [ATTENTION.acknowledged] : [])]),
    ...(open === true ? [] : [ATTENTION.closed]),
  ];
  const either = shown.map((value) => [{ column: "attention", is: "=", value } as const]);
  return readPage<QuarantinedRecord, Shown>(page, {
    read: async (beyond, limit) => {
      const selection = { orderBy: ["attention", "position"], descending: true, limit };
      const found = await selectEither(rows, QUARANTINED, either, {
        ...selection,
        ...beyondPart(beyond),
      });
      const ids = found.map(({ id }) => String(id));
      const records = await findAllQuarantined(stream, ids, reading, filters);
      const byId = new Map(records.map((record) => [record.delivery_id, record]));
      return found.map(({ id, attention, position }) => ({
        attention: Number(attention),
        position: Number(position),
        record: byId.get(String(id)) ?? null,
      }));
    },
    keyOf: ({ attention, position }) => [attention, position],
    recordOf: ({ record }) => record,
    nextTurn,
  });
}

/** Whether a delivery is neither resolved nor dismissed. */
export const needsAPerson = (delivery: QuarantinedRecord): boolean =>
  isOpen(delivery) && delivery.acknowledged_at === null;

/** Whether a delivery is not resolved yet. */
export const isOpen = ({ resolved_position }: QuarantinedRecord): boolean =>
  resolved_position === null;

/**
 * Those of these deliveries that were quarantined and match the filters, with their current state.
 */
export async function findAllQuarantined(
  stream: EventStream,
  deliveryIds: readonly string[],
  reading: QuarantineReading,
  filters: QuarantineFilters = {},
): Promise<readonly QuarantinedRecord[]> {
  const ids = deliveryIds.map((id) => quarantinedId(id, reading.hashing));
  const { known } = await stream.findByIds(ids);
  const events = ids.flatMap((id) => known.get(id)?.event ?? []);
  return recordsOf(
    stream,
    events.filter((event) => matchesFilters(event, filters)),
    reading,
  );
}

function matchesFilters(event: RecordedEvent, filters: QuarantineFilters): boolean {
  const conditions = Object.entries(filters);
  if (conditions.length === 0) return true;
  const data = readData(event);
  return conditions.every(([name, values]) => values.includes(String(data[name])));
}

async function recordsOf(
  stream: EventStream,
  quarantined: readonly RecordedEvent[],
  reading: QuarantineReading,
): Promise<readonly QuarantinedRecord[]> {
  const deliveries = quarantined.map((event) => {
    const data = readData(event) as DataOf<"DeliveryQuarantined">;
    return { data, position: event.position, later: laterIds(data.delivery_id, reading) };
  });
  const { known } = await stream.findByIds(deliveries.flatMap(({ later }) => later));
  return deliveries.map(({ data, position, later }) => {
    const { translation: _, taken_by: _by, ...delivery } = data;
    const events = later
      .flatMap((id) => known.get(id)?.event ?? [])
      .sort((a, b) => a.position - b.position);
    const first = { attempts: 1, position: String(position), resolved_position: null };
    return events.reduce(afterEvent, { ...delivery, ...first, ...NOT_ACKNOWLEDGED });
  });
}

/**
 * Ids of all possible later events of a quarantined delivery: retries, and a dismissal after each.
 */
function laterIds(
  deliveryId: string,
  { translations, hashing }: QuarantineReading,
): readonly string[] {
  const retries = retryIdsOf(deliveryId, translations.present, hashing);
  const dismissals = [null, ...retries].map((_, at) => dismissalId(deliveryId, at + 1, hashing));
  return [...retries, ...dismissals];
}

const NOT_ACKNOWLEDGED = { acknowledged_at: null, acknowledged_by: null, note: null };

function afterEvent(before: QuarantinedRecord, event: RecordedEvent): QuarantinedRecord {
  if (event.type === "QuarantineDismissed") {
    const { note, actor } = readData(event) as DataOf<"QuarantineDismissed">;
    const acknowledged_at = formatTime(event.recorded_at);
    return { ...before, acknowledged_at, acknowledged_by: actor, note };
  }
  const { outcome, reason, detail } = readData(event) as DataOf<"QuarantineRetried">;
  return {
    ...before,
    ...NOT_ACKNOWLEDGED,
    attempts: before.attempts + 1,
    reason: reason ?? before.reason,
    detail: detail ?? before.detail,
    resolved_position: outcome === "resolved" ? String(event.position) : null,
  };
}
