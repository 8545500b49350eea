import {
  type DataOf,
  MOVEMENT_REFERENCES,
  type ProviderFact,
  type ProviderFactType,
} from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import { isTruncationOf, timeOf } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import type { Reading } from "../translate/translation.ts";
import {
  contradictedEvent,
  correctedEvent,
  cutAppends,
  type DeliveryCause,
  newEvent,
  providerEvent,
  providerEventId,
  restatedEvent,
  seenEvent,
} from "./event.ts";
import {
  accountIdsOf,
  COPIES_MAX,
  type FactData,
  type FactState,
  firstArrivalOf,
  inForce,
  type KnownFacts,
  notBeforeOf,
  noteEvent,
  timesOf,
} from "./fact-state.ts";
import { STATED_AGAIN_AFTER } from "./feed-session.ts";
import {
  type OtherDelivery,
  otherIds,
  quarantinedId,
  readingBeside,
  unreadOf,
} from "./quarantine.ts";

/** The input of a decision: a delivery's `DeliveryReceived`, and what was read in its bytes. */
export type ReadDelivery = Readonly<{
  id: string;
  received: Omit<DataOf<"DeliveryReceived">, "parts">;
  correlationId: string | null;
  reading: Reading;
  /** The deliveries of the same bytes under other types. */
  others: readonly OtherDelivery[];
}>;

export type DeliveryDecision = Readonly<{
  outcome: "recorded" | "repeated" | "quarantined";
  /** The events, divided into appends; empty where there is nothing to append. */
  appends: readonly (readonly NewEvent[])[];
  /** Why the delivery is quarantined. */
  reason?: string;
  /** How many of its facts state more than is recorded, see `COPIES_MAX`. */
  leftOut?: number;
}>;

/** The id of the event that completes a delivery: without it a divided delivery is incomplete. */
export function completionId(deliveryId: string, hashing: Hashing): string {
  return eventId(["DeliveryCompleted", deliveryId], hashing);
}

/** The ids that must be looked up before `decideDelivery`, besides those of the facts. */
export function deliveryIds(
  { id, others }: Pick<ReadDelivery, "id" | "others">,
  hashing: Hashing,
): readonly string[] {
  return [id, completionId(id, hashing), ...otherIds(others)];
}

/**
 * Which events a delivery adds to the stream: none for a repeat, the missing ones for a delivery that was
 * begun. They are noted in `known`, so that the next delivery of a batch is decided by them too.
 */
export function decideDelivery(
  delivery: ReadDelivery,
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id } = delivery;
  if (known.ids.has(id)) {
    const parts = incompleteParts(id, known, hashing);
    if (parts === null) return { outcome: "repeated", appends: [] };
    return complete(delivery, parts, known, hashing);
  }
  const reading = readingBeside(delivery.others, delivery.reading, known);
  if (!reading.ok) return quarantine(delivery, reading, known, hashing);
  const appends = cutAppends(decideFacts(delivery, reading, known, hashing));
  const parts = appends.length;
  const received = receivedEvents(delivery, parts, hashing);
  for (const event of received) noteEvent(known, event);
  appends[0]?.unshift(...received);
  addCompletion(appends, { delivery, parts, known, hashing });
  return { outcome: "recorded", appends, leftOut: takeLeftOut(known) };
}

/**
 * One of two or more parts of a delivery's facts. Each part is looked up and decided separately.
 */
export type Part = Readonly<{ facts: readonly ProviderFact[]; at: number; parts: number }>;

/**
 * Decides one part of a delivery that is recorded in parts; other deliveries may be recorded between
 * them. The first part also records the delivery, the last one its completion.
 */
export function decidePart(
  delivery: ReadDelivery,
  { facts, at, parts }: Part,
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id } = delivery;
  const isStarted = at > 0 || known.ids.has(id);
  if (at === 0 && isStarted && incompleteParts(id, known, hashing) === null) {
    return { outcome: "repeated", appends: [] };
  }
  const reading = isStarted
    ? delivery.reading
    : readingBeside(delivery.others, delivery.reading, known);
  if (!reading.ok) return quarantine(delivery, reading, known, hashing);
  const received = isStarted ? [] : receivedEvents(delivery, parts, hashing);
  for (const event of received) noteEvent(known, event);
  const cause = causeOf(delivery);
  const events = facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
  const appends = cutAppends([...received, ...events]);
  const isLast = at === parts - 1 && !known.ids.has(completionId(id, hashing));
  if (isLast) addCompletion(appends, { delivery, parts, known, hashing });
  return { outcome: "recorded", appends, leftOut: takeLeftOut(known) };
}

/**
 * The number of parts of an incomplete delivery, whose writer died or is still writing; else null.
 */
export function incompleteParts(
  deliveryId: string,
  known: KnownFacts,
  hashing: Hashing,
): number | null {
  const parts = known.states.get(deliveryId)?.data.parts;
  if (typeof parts !== "number") return null;
  return known.ids.has(completionId(deliveryId, hashing)) ? null : parts;
}

/**
 * Decides what a divided delivery lacks. The reading is that of the translation that started it.
 */
function complete(
  delivery: ReadDelivery,
  parts: number,
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id, reading } = delivery;
  if (!reading.ok) throw new Error(`delivery ${id} was read before and cannot be read now`);
  const appends = cutAppends(decideFacts(delivery, reading, known, hashing));
  addCompletion(appends, { delivery, parts, known, hashing });
  return { outcome: "recorded", appends, leftOut: takeLeftOut(known) };
}

function decideFacts(
  delivery: ReadDelivery,
  reading: Reading & { ok: true },
  known: KnownFacts,
  hashing: Hashing,
): NewEvent[] {
  const cause = causeOf(delivery);
  return reading.facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
}

function receivedEvents(delivery: ReadDelivery, parts: number, hashing: Hashing): NewEvent[] {
  const { id, received } = delivery;
  const cause = causeOf(delivery);
  const subject = `delivery:${id}`;
  if (parts < 2)
    return [newEvent({ type: "DeliveryReceived", data: received }, { id, subject }, cause)];
  const divided = { id: eventId(["DeliveryDivided", id], hashing), subject };
  return [
    newEvent({ type: "DeliveryReceived", data: { ...received, parts } }, { id, subject }, cause),
    newEvent({ type: "DeliveryDivided", data: { delivery_id: id, parts } }, divided, cause),
  ];
}

const causeOf = ({ id, correlationId, received }: ReadDelivery): DeliveryCause => ({
  deliveryId: id,
  correlationId,
  receivedAt: received.received_at,
});

type Completion = Readonly<{
  delivery: ReadDelivery;
  parts: number;
  known: KnownFacts;
  hashing: Hashing;
}>;

function addCompletion(
  appends: readonly NewEvent[][],
  { delivery, parts, known, hashing }: Completion,
): void {
  const { reading, received } = delivery;
  const isSnapshot = reading.ok && reading.snapshot;
  if (parts < 2 && !isSnapshot) return;
  const place = isSnapshot ? received : {};
  const completion = completionEvent(place, parts, causeOf(delivery), hashing);
  noteEvent(known, completion);
  appends.at(-1)?.push(completion);
}

/**
 * Completes a divided delivery or a snapshot; a snapshot's completion has its connection and frame.
 */
export function completionEvent(
  { connection, frame }: Readonly<{ connection?: string | undefined; frame?: number | undefined }>,
  parts: number,
  cause: DeliveryCause,
  hashing: Hashing,
): NewEvent {
  const delivery_id = cause.deliveryId ?? "";
  const isPlaced = connection !== undefined && frame !== undefined;
  const data = { delivery_id, parts, ...(isPlaced ? { snapshot: { connection, frame } } : {}) };
  const envelope = { id: completionId(delivery_id, hashing), subject: `delivery:${delivery_id}` };
  return newEvent({ type: "DeliveryCompleted", data }, envelope, cause);
}

function quarantine(
  delivery: ReadDelivery,
  unread: ReturnType<typeof readingBeside> & { ok: false },
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id, received } = delivery;
  const { provider, channel, payload_type, received_at, translation } = received;
  const data = {
    delivery_id: id,
    provider,
    channel,
    payload_type,
    ...unreadOf(unread),
    received_at,
    translation,
  };
  const envelope = { id: quarantinedId(id, hashing), subject: `delivery:${id}` };
  const events = [
    ...receivedEvents(delivery, 1, hashing),
    newEvent({ type: "DeliveryQuarantined", data }, envelope, causeOf(delivery)),
  ];
  for (const event of events) noteEvent(known, event);
  return { outcome: "quarantined", appends: [events], reason: unread.reason };
}

const takeLeftOut = ({ leftOut }: KnownFacts): number => leftOut.splice(0).length;

/**
 * Decides about one fact, given what is known: which events record what this copy states. None where
 * it adds nothing. The decided events are added to `known`.
 */
export function decideFact(
  fact: ProviderFact,
  known: KnownFacts,
  cause: DeliveryCause,
  hashing: Hashing,
): readonly NewEvent[] {
  const events = eventsFor(fact, known, cause, hashing);
  for (const event of events) noteEvent(known, event);
  return events;
}

function eventsFor(
  fact: ProviderFact,
  known: KnownFacts,
  cause: DeliveryCause,
  hashing: Hashing,
): readonly NewEvent[] {
  const id = providerEventId(fact, hashing);
  const state = known.states.get(id);
  if (state === undefined) return known.ids.has(id) ? [] : [providerEvent(fact, id, cause)];
  const copy = { fact, recorded: state.data };
  if (state.withdrawn) return [correctedEvent(copy, cause, hashing)];
  const stated = newlyStated(state, fact);
  const { adds, contradicts } = withinLimit(state, fact.type, stated);
  if (adds !== stated.adds || contradicts !== stated.contradicts) known.leftOut.push(id);
  const events: NewEvent[] = [];
  if (adds) events.push(seenEvent(copy, adds as DataOf<"FactSeen">["adds"], cause, hashing));
  if (contradicts) {
    const content = contradicts as DataOf<"FactContradicted">["contradicts"];
    events.push(contradictedEvent(copy, content, cause, hashing));
  }
  // A known amendment that is not in force was withdrawn. This delivery states it again.
  return events.map((event) =>
    known.ids.has(event.id) ? restatedEvent(event, fact, cause, hashing) : event,
  );
}

/** What a copy states that no earlier one did. */
function newlyStated(state: FactState, fact: ProviderFact): Difference {
  const { adds, contradicts } = compareCopy(state, fact);
  const isKnown = contradicts === null || isContradictedBy(state, contradicts);
  return { adds, contradicts: isKnown ? null : contradicts };
}

/** What is recorded of it. Values of new fields always are, since they are as few as the fields. */
function withinLimit(
  { seen, contradicted }: FactState,
  type: ProviderFactType,
  { adds, contradicts }: Difference,
): Difference {
  return {
    adds: seen.length < COPIES_MAX ? adds : newValues(type, adds),
    contradicts: contradicted.length < COPIES_MAX ? contradicts : null,
  };
}

function newValues(type: ProviderFactType, adds: FactData | null): FactData | null {
  const fields = Object.entries(adds ?? {});
  const values = fields.filter(([field]) => COMPARED[type][field] === "value");
  return values.length === fields.length ? adds : orNull(Object.fromEntries(values));
}

function isContradictedBy({ contradicted }: FactState, stated: FactData): boolean {
  const content = canonicalJson(stated);
  return contradicted.some(({ contradicts }) => canonicalJson(contradicts) === content);
}

/**
 * How a field of a second copy is compared. `value`: a new value adds, another value contradicts.
 * `time`: a more precise or another time adds. `member`: another id of the account adds. `latest`: a
 * later time adds, and `order` is added with it.
 */
type Comparison = "value" | "time" | "member" | "latest" | "order";

const STATUS = { occurred_at: "time" } as const;

const COMPARED: Readonly<Record<ProviderFactType, Readonly<Record<string, Comparison>>>> = {
  RunRecorded: { run_type: "value", occurred_at: "time" },
  MovementRecorded: {
    change: "value",
    movement_type: "value",
    run_id: "value",
    run_type: "value",
    occurred_at: "time",
    account_id: "member",
    ...Object.fromEntries(MOVEMENT_REFERENCES.map((name) => [name, "value" as const])),
  },
  BalanceReported: {
    balance: "value",
    run_type: "value",
    occurred_at: "time",
    account_id: "member",
    not_before: "latest",
    follows: "order",
  },
  FundsReported: { balance: "value", change: "value" },
  DepositStatusReported: STATUS,
  WithdrawalStatusReported: STATUS,
  PaymentStatusReported: STATUS,
  FundReported: STATUS,
  TradeStatusReported: STATUS,
  NotificationRecorded: STATUS,
};

type Difference = Readonly<{ adds: FactData | null; contradicts: FactData | null }>;

/** What `copy` states that is not in force already. */
export function compareCopy(known: FactState, copy: ProviderFact): Difference {
  const adds: Record<string, unknown> = {};
  const contradicts: Record<string, unknown> = {};
  const present = inForce(known);
  const data = isStatedAgain(known, copy) ? withoutOrder(copy) : (copy.data as FactData);
  for (const [field, comparison] of Object.entries(COMPARED[copy.type])) {
    const stated = data[field];
    if (stated === undefined) continue;
    if (comparison === "value" && present[field] !== undefined) {
      if (present[field] !== stated) contradicts[field] = stated;
    } else if (comparison === "order") {
      if (adds.not_before !== undefined) adds[field] = stated;
    } else if (comparison === "value" || !IS_KNOWN[comparison](known, stated)) {
      adds[field] = stated;
    }
  }
  return { adds: orNull(adds), contradicts: orNull(contradicts) };
}

const IS_KNOWN: Readonly<
  Record<Exclude<Comparison, "value" | "order">, (known: FactState, stated: unknown) => boolean>
> = {
  time: (known, stated) => {
    const time = timeOf(String(stated));
    return timesOf(known).some((other) => other === time || isTruncationOf(time, other));
  },
  member: (known, stated) => accountIdsOf(known).includes(String(stated)),
  latest: (known, stated) => {
    const time = notBeforeOf(known);
    return time !== null && time >= timeOf(String(stated));
  },
};

/** Whether a socket restates a run that arrived long before: its order then means nothing. */
function isStatedAgain(known: FactState, { data }: ProviderFact): boolean {
  if (!("not_before" in data) || data.not_before === undefined) return false;
  return timeOf(data.received_at) - firstArrivalOf(known) > STATED_AGAIN_AFTER;
}

const withoutOrder = ({ data }: ProviderFact): FactData => ({
  ...data,
  not_before: undefined,
  follows: undefined,
});

const orNull = (object: Record<string, unknown>): FactData | null =>
  Object.keys(object).length === 0 ? null : object;
