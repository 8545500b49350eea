import type { DeliveryOutcome, DeliverySummary, EventDetail } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { readData } from "@counterfoil/core/stream/read-event";
import { ATTENTION } from "../models/columns.ts";
import { QUARANTINED } from "../models/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, isLastPage, type KnownEvent, takePage } from "../ports/event-stream.ts";
import type { ColumnType, Rows } from "../ports/model-store.ts";
import { LIST_BYTES_MAX, type Page } from "./answers.ts";
import { type DeliveryQuery, type FindOptions, partOfDelivery, type Whole } from "./deliveries.ts";
import {
  type BatchSource,
  eventFor,
  eventRecord,
  eventsOf,
  type Item,
  readStreamPage,
  type StreamRange,
} from "./events.ts";
import { findAllQuarantined, isOpen } from "./quarantine.ts";

/**
 * One event with its amendments and its delivery.
 *
 * @param id its id, or its position in decimal digits
 * @returns null if there is none, or it is not visible to the platform
 */
export async function findEvent(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<EventDetail | null> {
  const found = await findKnown(stream, id);
  if (found === null) return null;
  const { event } = found;
  const { standings } = query;
  const amendments = takePage(found.amendments, LIST_BYTES_MAX).map(eventRecord);
  if (standings === null) {
    const delivery = await deliveryOf(stream, event, query);
    return { ...eventRecord(event), amendments, delivery };
  }
  const [standing] = await standings.ofEvents(stream, [event]);
  if (standing !== "inside") return null;
  const { platform } = standings;
  return {
    ...eventFor(eventRecord(event), platform),
    amendments: amendments.map((each) => eventFor(each, platform)),
    delivery: await deliveryOf(stream, event, query),
  };
}

const POSITION = /^\d{1,15}$/;

async function findKnown(stream: EventStream, id: string): Promise<KnownEvent | null> {
  const eventId = POSITION.test(id) ? await idAt(stream, Number(id)) : id;
  if (eventId === null) return null;
  return (await stream.findByIds([eventId])).known.get(eventId) ?? null;
}

async function idAt(stream: EventStream, position: number): Promise<string | null> {
  if (position === 0) return null;
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  return event?.id ?? null;
}

/** The delivery that caused an event, or whose first event it is. */
async function deliveryOf(
  stream: EventStream,
  event: RecordedEvent,
  query: DeliveryQuery,
): Promise<DeliverySummary | null> {
  const received = await receivedOf(stream, event);
  if (received === null) return null;
  const whole = await partOfDelivery(stream, received, query);
  const [summary] = await summariesOf(stream, [received], query);
  return summary === undefined || whole === "outside" ? null : summaryFor(summary, whole);
}

async function receivedOf(
  stream: EventStream,
  event: RecordedEvent,
): Promise<RecordedEvent | null> {
  if (event.type === "DeliveryReceived") return event;
  const { causation_id: id } = event;
  if (id === null) return null;
  const cause = (await stream.findByIds([id])).known.get(id)?.event;
  return cause?.type === "DeliveryReceived" ? cause : null;
}

export const DELIVERY_KEY: readonly ColumnType[] = ["integer"];

/** Each filter matches any of its values. */
export type DeliveryFilters = Readonly<
  Partial<
    Record<"provider" | "channel" | "payload_type" | "key_id", readonly string[]> & {
      outcome: readonly DeliveryOutcome[];
    }
  >
>;

type DeliveriesQuery = DeliveryQuery &
  Readonly<{
    range: StreamRange;
    limit: number;
    filters: DeliveryFilters;
    /**
     * Rows of the balances model, which lists quarantined deliveries; null unless only these are
     * wanted.
     */
    rows: Rows | null;
    nextTurn: Clock["nextTurn"];
  }>;

/** Whether the filters match quarantined or dismissed deliveries only. */
export const isOfQuarantine = ({ outcome = [] }: DeliveryFilters): boolean =>
  outcome.length > 0 && outcome.every((each) => OF_QUARANTINE[each] !== undefined);

const OF_QUARANTINE: Readonly<Partial<Record<DeliveryOutcome, number>>> = {
  quarantined: ATTENTION.open,
  dismissed: ATTENTION.acknowledged,
};

/**
 * Limits of one page. A delivery's owner follows from its facts and bytes, so a platform's page
 * reads few.
 */
const COST = { open: { batch: 200, events: 5000 }, ofPlatform: { batch: 20, events: 200 } };

/** Lists deliveries in stream order, forward or backward. */
export function listDeliveries(
  stream: EventStream,
  query: DeliveriesQuery,
): Promise<Page<DeliverySummary>> {
  const { range, limit, filters, rows, standings, nextTurn } = query;
  const cost = standings === null ? COST.open : COST.ofPlatform;
  const isFiltered = Object.keys(filters).length > 0;
  return readStreamPage<DeliverySummary>({
    ...{ range, limit, nextTurn },
    cost: { ...cost, batch: isFiltered ? cost.batch : Math.min(limit + 1, cost.batch) },
    source:
      rows === null
        ? eventsOf(stream, ["DeliveryReceived"])
        : quarantinedIn(rows, stream, filters.outcome ?? []),
    recordsOf: async (events) => {
      const matching = events.filter((event) => matchesFilters(event, filters));
      const summaries = await summariesOf(stream, matching, query);
      const shown = new Map<number, DeliverySummary>();
      for (const [at, summary] of summaries.entries()) {
        if (!(filters.outcome?.includes(summary.outcome) ?? true)) continue;
        const whole = await partOfDelivery(stream, matching[at] as RecordedEvent, query);
        if (whole !== "outside") shown.set(Number(summary.position), summaryFor(summary, whole));
      }
      return events.map(({ position }) => shown.get(position) ?? null);
    },
  });
}

function matchesFilters(event: RecordedEvent, filters: DeliveryFilters): boolean {
  const { verdict, ...data } = readData(event) as DataOf<"DeliveryReceived">;
  const { key_id } = filters;
  const isSigned =
    key_id === undefined ||
    (verdict.evidence ?? []).some((each) => key_id.includes(String(each.key_id)));
  return (
    isSigned &&
    NAMES.every((name) => filters[name] === undefined || filters[name].includes(data[name]))
  );
}

const NAMES = ["provider", "channel", "payload_type"] as const;

/**
 * The model orders deliveries by the position of their quarantining, directly after their arrival.
 */
function quarantinedIn(
  rows: Rows,
  stream: EventStream,
  outcomes: readonly DeliveryOutcome[],
): BatchSource {
  const either = outcomes.map((outcome) => OF_QUARANTINE[outcome] as number);
  return async ({ after, upTo, order, limit }) => {
    const isForwards = order === "asc";
    const found = await Promise.all(
      either.map((value) =>
        rows.select(QUARANTINED, {
          where: [{ column: "attention", is: "=", value }],
          orderBy: ["attention", "position"],
          descending: !isForwards,
          beyond: [value, isForwards ? after : upTo + 1],
          limit,
        }),
      ),
    );
    const inOrder = found
      .flat()
      .map((row) => ({ id: String(row.id), at: Number(row.position) }))
      .filter(({ at }) => at > after && at <= upTo)
      .sort((a, b) => (isForwards ? a.at - b.at : b.at - a.at))
      .slice(0, limit);
    const { known } = await stream.findByIds(inOrder.map(({ id }) => id));
    const items = inOrder.flatMap(({ id, at }): Item[] => {
      const event = known.get(id)?.event;
      return event === undefined ? [] : [{ event, at }];
    });
    return { items, reached: inOrder.length < limit ? null : (inOrder.at(-1)?.at ?? null) };
  };
}

/** Deliveries as lists show them, in the order of these events, each a `DeliveryReceived`. */
async function summariesOf(
  stream: EventStream,
  received: readonly RecordedEvent[],
  options: FindOptions,
): Promise<readonly DeliverySummary[]> {
  const outcomes = await outcomesOf(stream, received, options);
  return received.map((event, at) => summaryOf(event, outcomes[at] ?? "recorded"));
}

/** If the bytes hold others' facts, their length would reveal something about these. */
const summaryFor = (summary: DeliverySummary, whole: Whole): DeliverySummary =>
  whole === "inside" ? summary : { ...summary, length: null };

function summaryOf(event: RecordedEvent, outcome: DeliveryOutcome): DeliverySummary {
  const data = readData(event) as DataOf<"DeliveryReceived">;
  const { provider, channel, payload_type, received_at, verdict, length } = data;
  const checked = verdict.evidence?.find(({ key_id }) => key_id !== undefined);
  return {
    ...{ delivery_id: event.id, provider, channel, payload_type, received_at, outcome },
    signature: verdict.signature,
    scheme: checked?.scheme ?? verdict.scheme ?? null,
    key_id: checked?.key_id ?? null,
    length,
    position: String(event.position),
  };
}

/** A delivery's events follow it directly, and the first new one shows its outcome. */
async function outcomesOf(
  stream: EventStream,
  received: readonly RecordedEvent[],
  options: FindOptions,
): Promise<readonly DeliveryOutcome[]> {
  const readNextEvent = createNextEventReader(stream);
  const first = new Map<string, string | null>();
  for (const event of received.toSorted((a, b) => a.position - b.position)) {
    first.set(event.id, await firstNewType(readNextEvent, event));
  }
  const unread = received.flatMap(({ id }) =>
    first.get(id) === "DeliveryQuarantined" ? [id] : [],
  );
  const { translations, hashing } = options;
  const records = await findAllQuarantined(stream, unread, { translations, hashing });
  const byId = new Map(records.map((record) => [record.delivery_id, record]));
  return received.map(({ id }) => {
    const record = byId.get(id);
    if (record === undefined) return first.get(id) === null ? "repeated" : "recorded";
    if (!isOpen(record)) return "recorded";
    return record.acknowledged_at === null ? "quarantined" : "dismissed";
  });
}

/** Whether the event is for a known fact seen again, or ends a delivery; a snapshot says what it does not list. */
function addsNothing(event: RecordedEvent): boolean {
  if (event.type !== "DeliveryCompleted") return event.type === "FactSeen";
  return (readData(event) as DataOf<"DeliveryCompleted">).snapshot === undefined;
}

/** The type of the first event with which a delivery adds something new; null if none does. */
async function firstNewType(
  readNextEvent: ReadNextEvent,
  received: RecordedEvent,
): Promise<string | null> {
  for (let { position } = received; ; position += 1) {
    const next = await readNextEvent(position);
    if (next === null || next.causation_id !== received.id) return null;
    if (!addsNothing(next)) return next.type;
  }
}

/** Reads the event after a position; null at the end of the stream. */
type ReadNextEvent = (position: number) => Promise<RecordedEvent | null>;

const PAGE = 50;

/** Called with ascending positions, it reads nearby events with one page. */
function createNextEventReader(stream: EventStream): ReadNextEvent {
  let page: readonly RecordedEvent[] = [];
  let first = 0;
  let isEnd = false;
  return async (position) => {
    const known = page[position - first];
    if (first > 0 && position >= first && known !== undefined) return known;
    if (isEnd && position >= first) return null;
    page = await stream.read({ after: position, limit: PAGE });
    first = position;
    isEnd = isLastPage(page, PAGE);
    return page[0] ?? null;
  };
}
