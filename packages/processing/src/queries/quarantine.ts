import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { EventStream } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { listQuarantine as readQuarantine } from "../quarantine.ts";
import { cutPage, type Page, type PageRequest } from "./page.ts";

/** Where it was quarantined: newest first. */
export const QUARANTINE_KEY: readonly ColumnType[] = ["integer"];

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
  return cutPage(wanted.toReversed(), limit, ({ position }) => [Number(position)]);
}
