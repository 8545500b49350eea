import type { DataOf } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import { readData } from "@counterfoil/core/stream/read-event";
import type { EventStream } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { cutPage, type Page, type PageRequest } from "./page.ts";
import { readAll } from "./read-all.ts";

const TYPES = ["DeliveryQuarantined", "QuarantineRetried"] as const;

/** Every delivery that nobody could read, with what became of it, in order. */
export async function readQuarantine(stream: EventStream): Promise<readonly QuarantinedRecord[]> {
  const deliveries = new Map<string, QuarantinedRecord>();
  for await (const event of readAll(stream, TYPES)) {
    const { type, position } = event;
    if (type === "DeliveryQuarantined") {
      const {
        delivery_id,
        translation: _,
        ...quarantined
      } = readData(event) as DataOf<"DeliveryQuarantined">;
      const attempt = { attempts: 1, position: String(position), resolved_position: null };
      deliveries.set(delivery_id, { delivery_id, ...quarantined, ...attempt });
      continue;
    }
    const retried = readData(event) as DataOf<"QuarantineRetried">;
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

/** Where it was quarantined: newest first. */
export const QUARANTINE_KEY: readonly ColumnType[] = ["integer"];

export type QuarantineQuery = Readonly<{
  /** Only those that are still unread, or only those that were resolved. */
  open?: boolean;
  page: PageRequest;
}>;

/** A page of it, the newest first. Few events tell it, so all are folded on the way. */
export async function listQuarantine(
  stream: EventStream,
  { open, page: { limit, beyond } }: QuarantineQuery,
): Promise<Page<QuarantinedRecord>> {
  const deliveries = await readQuarantine(stream);
  const before = beyond === null ? Number.POSITIVE_INFINITY : Number(beyond[0]);
  const wanted = deliveries.filter(
    (delivery) =>
      Number(delivery.position) < before && (open === undefined || open === isOpen(delivery)),
  );
  return cutPage(wanted.toReversed(), limit, ({ position }) => [Number(position)]);
}

/** Nobody could read it yet. */
export const isOpen = ({ resolved_position }: QuarantinedRecord): boolean =>
  resolved_position === null;
