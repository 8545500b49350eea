import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { EventStream } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { cutPage, type Page, type PageRequest } from "./page.ts";
import { readAll } from "./read-all.ts";

/** Where it was quarantined: newest first. */
export const QUARANTINE_KEY: readonly ColumnType[] = ["integer"];

const TYPES = ["DeliveryQuarantined", "QuarantineRetried"] as const;

export type QuarantineQuery = Readonly<{
  /** Only those that are still unread, or only those that were resolved. */
  open?: boolean;
  page: PageRequest;
}>;

/** What nobody could read, the newest first. Few events tell it, so they are folded on the way. */
export async function listQuarantine(
  stream: EventStream,
  { open, page: { limit, beyond } }: QuarantineQuery,
): Promise<Page<QuarantinedRecord>> {
  const deliveries = await readQuarantine(stream);
  const before = beyond === null ? Number.POSITIVE_INFINITY : Number(beyond[0]);
  const wanted = deliveries.filter(
    ({ position, resolved_position }) =>
      Number(position) < before && (open === undefined || open === (resolved_position === null)),
  );
  return cutPage(wanted.reverse(), limit, ({ position }) => [Number(position)]);
}

/** Every delivery that was ever quarantined, in order. */
export async function readQuarantine(stream: EventStream): Promise<QuarantinedRecord[]> {
  const deliveries = new Map<string, QuarantinedRecord>();
  for await (const event of readAll(stream, TYPES)) {
    const data = JSON.parse(event.data);
    const known = deliveries.get(data.delivery_id);
    const next = event.type === "DeliveryQuarantined" ? quarantined(event, data) : known;
    if (next === undefined) continue;
    const isRetry = event.type === "QuarantineRetried";
    deliveries.set(data.delivery_id, isRetry ? retried(next, event, data) : next);
  }
  return [...deliveries.values()];
}

function quarantined(
  { position }: RecordedEvent,
  data: DataOf<"DeliveryQuarantined">,
): QuarantinedRecord {
  const { delivery_id, provider, channel, payload_type, reason, detail, received_at } = data;
  return {
    delivery_id,
    provider,
    channel,
    payload_type,
    reason,
    detail,
    received_at,
    attempts: 1,
    position: String(position),
    resolved_position: null,
  };
}

function retried(
  delivery: QuarantinedRecord,
  { position }: RecordedEvent,
  { outcome, reason, detail }: DataOf<"QuarantineRetried">,
): QuarantinedRecord {
  return {
    ...delivery,
    attempts: delivery.attempts + 1,
    reason: reason ?? delivery.reason,
    detail: detail ?? delivery.detail,
    resolved_position: outcome === "resolved" ? String(position) : null,
  };
}
