import type { FactType } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import type { SubjectSources } from "../audit/subject-events.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/table.ts";
import { eventFor, type Standings } from "./event-standing.ts";
import type { Page } from "./page.ts";
import { eventsOf, eventsOfSubject, readStreamPage, type StreamRange } from "./stream-page.ts";

export const EVENT_KEY: readonly ColumnType[] = ["integer"];

export type EventFilters = Readonly<{
  types?: readonly FactType[];
  subjects?: readonly string[];
  correlationIds?: readonly string[];
}>;

export type EventQuery = Readonly<{
  range: StreamRange;
  limit: number;
  filters: EventFilters;
  /** Whose events exist for who asks; null: everything is shown. */
  standings: Standings | null;
  nextTurn: Clock["nextTurn"];
}>;

/** Whose an event is takes look-ups, so fewer of them are looked at. */
const COST = { open: { batch: 1001, events: 10_000 }, ofPlatform: { batch: 100, events: 2000 } };

/** The stream itself, in its order or backwards. */
export function listEvents(sources: SubjectSources, query: EventQuery): Promise<Page<EventRecord>> {
  const { range, limit, filters, standings, nextTurn } = query;
  const { stream } = sources;
  const isAskedFor = filterOf(filters);
  const cost = standings === null ? COST.open : COST.ofPlatform;
  const isFiltered = filters.subjects !== undefined || filters.correlationIds !== undefined;
  const batch = isFiltered ? cost.batch : Math.min(limit + 1, cost.batch);
  return readStreamPage<EventRecord>({
    ...{ range, limit, nextTurn },
    cost: { ...cost, batch },
    source: sourceOf(sources, filters),
    recordsOf: async (events) => {
      const asked = events.filter(isAskedFor);
      const shown = new Map(await shownOf(stream, asked, standings));
      return events.map(({ position }) => shown.get(position) ?? null);
    },
  });
}

/** Of one subject an index tells. Of types one does too, or the engine looks for them. */
function sourceOf(sources: SubjectSources, { subjects, types }: EventFilters) {
  const [subject, ...others] = subjects ?? [];
  if (subject !== undefined && others.length === 0) return eventsOfSubject(sources, subject);
  return eventsOf(sources.stream, types);
}

function filterOf({ types, subjects, correlationIds }: EventFilters) {
  return ({ type, subject, correlation_id }: RecordedEvent): boolean =>
    isAmong(types, type) && isAmong(subjects, subject) && isAmong(correlationIds, correlation_id);
}

const isAmong = (wanted: readonly string[] | undefined, value: string | null): boolean =>
  wanted === undefined || (value !== null && wanted.includes(value));

type Shown = readonly [position: number, record: EventRecord];

async function shownOf(
  stream: EventStream,
  events: readonly RecordedEvent[],
  standings: Standings | null,
): Promise<readonly Shown[]> {
  if (standings === null) return events.map((event) => [event.position, eventRecord(event)]);
  const stand = await standings.ofEvents(stream, events);
  return events
    .filter((_, at) => stand[at] === "inside")
    .map((event) => [event.position, eventFor(eventRecord(event), standings.platform)]);
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
