import type { FactType } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import type { Page } from "./page.ts";

export const EVENT_KEY: readonly ColumnType[] = ["integer"];

export type EventQuery = Readonly<{ after: number; limit: number; types?: readonly FactType[] }>;

/** The stream itself, in its order. */
export async function listEvents(
  stream: EventStream,
  { after, limit, types }: EventQuery,
): Promise<Page<EventRecord>> {
  const ofTypes = types === undefined ? {} : { types };
  const events = await stream.read({ after, limit: limit + 1, ...ofTypes });
  const data = events.slice(0, limit).map(eventRecord);
  const last = events.at(data.length - 1);
  const isEnd = last === undefined || isLastPage(events, limit + 1);
  return { data, next: isEnd ? null : [last.position] };
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
