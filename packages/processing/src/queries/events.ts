import type { FactType } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, isLastPage, takePage } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { eventFor, type Standings } from "./event-standing.ts";
import { LIST_BYTES_MAX, type Page, readPage } from "./page.ts";

export const EVENT_KEY: readonly ColumnType[] = ["integer"];

export type EventQuery = Readonly<{ after: number; limit: number; types?: readonly FactType[] }>;

/** What a platform may see is looked for, with a turn for others in between. */
export type EventQueryOf = EventQuery &
  Readonly<{
    /** Whose events exist for who asks; null: everything is shown. */
    standings: Standings | null;
    nextTurn: Clock["nextTurn"];
  }>;

/** The stream itself, in its order. */
export async function listEvents(
  stream: EventStream,
  { standings, nextTurn, ...query }: EventQueryOf,
): Promise<Page<EventRecord>> {
  if (standings !== null) return listEventsOf(stream, standings, { ...query, nextTurn });
  const { after, limit, types } = query;
  const ofTypes = types === undefined ? {} : { types };
  const events = await stream.read({ after, limit: limit + 1, ...ofTypes });
  const shown = takePage(events.slice(0, limit), LIST_BYTES_MAX);
  const last = shown.at(-1);
  const isWhole = shown.length === events.length && isLastPage(events, limit + 1);
  const next = last === undefined || isWhole ? null : [last.position];
  return { data: shown.map(eventRecord), next };
}

type Judged = RecordedEvent & Readonly<{ isInside: boolean }>;

/**
 * No index tells whose an event is. A page ends short behind what one request may look at; how far
 * that was is no secret, since positions are none.
 */
function listEventsOf(
  stream: EventStream,
  standings: Standings,
  { after, limit, types, nextTurn }: EventQuery & Pick<EventQueryOf, "nextTurn">,
): Promise<Page<EventRecord>> {
  const ofTypes = types === undefined ? {} : { types };
  const page = { limit, beyond: [after] };
  return readPage<EventRecord, Judged>(page, {
    read: async (beyond, count) => {
      const query = { after: Number(beyond?.[0] ?? after), limit: count, ...ofTypes };
      const events = await stream.read(query);
      const stand = await standings.ofEvents(stream, events);
      return events.map((event, at) => ({ ...event, isInside: stand[at] === "inside" }));
    },
    keyOf: ({ position }) => [position],
    recordOf: (event) => (event.isInside ? eventFor(eventRecord(event), standings.platform) : null),
    nextTurn,
  });
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
