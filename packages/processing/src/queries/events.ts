import type { FactType } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { type EventStream, isLastPage, takePage } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { LIST_BYTES_MAX, type Page } from "./page.ts";

export const EVENT_KEY: readonly ColumnType[] = ["integer"];

export type EventQuery = Readonly<{ after: number; limit: number; types?: readonly FactType[] }>;

/** The stream itself, in its order. */
export async function listEvents(
  stream: EventStream,
  { after, limit, types }: EventQuery,
): Promise<Page<EventRecord>> {
  const ofTypes = types === undefined ? {} : { types };
  const events = await stream.read({ after, limit: limit + 1, ...ofTypes });
  const shown = takePage(events.slice(0, limit), LIST_BYTES_MAX);
  const last = shown.at(-1);
  const isWhole = shown.length === events.length && isLastPage(events, limit + 1);
  const next = last === undefined || isWhole ? null : [last.position];
  return { data: shown.map(eventRecord), next };
}

export function eventRecord(event: RecordedEvent): EventRecord {
  const { position, id, type, schema_version, subject, causation_id, correlation_id } = event;
  return {
    position: String(position),
    id,
    type,
    schema_version,
    subject,
    occurred_at: event.occurred_at === null ? null : formatTime(event.occurred_at),
    recorded_at: formatTime(event.recorded_at),
    causation_id,
    correlation_id,
    data: JSON.parse(event.data),
    hash: event.hash,
  };
}
