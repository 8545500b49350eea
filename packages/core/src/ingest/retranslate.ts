import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { readData } from "../stream/read-event.ts";
import type { Reading } from "../translate/translation.ts";
import { compareCopy, completionEvent, completionId, decideFact } from "./decide-delivery.ts";
import {
  correctedEvent,
  cutAppends,
  type DeliveryCause,
  newEvent,
  providerEventId,
  type Recorded,
  withdrawnAmendmentEvent,
  withdrawnEvent,
} from "./event.ts";
import {
  AMENDMENTS,
  type FactData,
  type FactState,
  type KnownFacts,
  noteEvent,
} from "./fact-state.ts";
import { type OtherDelivery, otherIds, readingBeside, retryId, unreadOf } from "./quarantine.ts";

/**
 * One delivery under another translation: what the present one reads in its bytes, and what was
 * recorded because of it.
 */
type Retranslation = Readonly<{
  facts: readonly ProviderFact[];
  /** Provider facts and amendments that this delivery caused, in order. */
  caused: readonly RecordedEvent[];
  translation: number;
  cause: DeliveryCause;
}>;

export type DecideRetranslation = (
  retranslation: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
) => readonly NewEvent[];

/** What a delivery says of each fact; one body may state a fact twice. */
type Statements = ReadonlyMap<string, readonly ProviderFact[]>;

/**
 * First for all deliveries: facts whose statement in force is this delivery's are corrected where
 * the present translation reads something else, and withdrawn where it reads no such fact. Another
 * delivery that states a withdrawn fact revives it, in the last step.
 */
export const decideCorrections: DecideRetranslation = (
  { facts, caused, translation, cause },
  known,
  hashing,
) => {
  const statements = statementsOf(facts, hashing);
  const events: NewEvent[] = [];
  for (const { id, type } of factsNamedBy(caused)) {
    const state = known.states.get(id);
    if (state === undefined || state.withdrawn) continue;
    if (known.statedBy.get(id) !== cause.deliveryId) continue;
    const stated = statements.get(id) ?? [];
    if (stated.some(({ data }) => isSameContent(state.data, data))) continue;
    const [fact] = stated;
    const recorded = state.data;
    events.push(
      fact === undefined
        ? withdrawnEvent({ id, type, data: recorded }, translation, cause, hashing)
        : correctedEvent({ fact, recorded }, cause, hashing),
    );
  }
  return noted(events, known);
};

/**
 * Then for all deliveries, before anything is decided anew: amendments that their delivery does not
 * state any more are withdrawn, since a statement must not be left out because a false one already
 * says so. Those of a withdrawn fact go with it: whoever states it next may say other things.
 */
export const decideWithdrawals: DecideRetranslation = (retranslation, known, hashing) => {
  const statements = statementsOf(retranslation.facts, hashing);
  return withdrawAmendments(retranslation, known, hashing, ({ event_id, content }, state) => {
    const stated = statements.get(event_id) ?? [];
    return !state.withdrawn && stated.some(({ data }) => isPartOf(content, data));
  });
};

/**
 * Last for all deliveries: contradictions that are none any more, or others, are withdrawn, and
 * everything that the delivery states is decided as if it had just come.
 */
export const decideAdditions: DecideRetranslation = (retranslation, known, hashing) => {
  const { facts, cause } = retranslation;
  const statements = statementsOf(facts, hashing);
  const holds: Holds = ({ event_id, content, isContradiction }, state) =>
    !isContradiction ||
    (statements.get(event_id) ?? []).some((fact) => isSame(compareCopy(state, fact), content));
  const events = withdrawAmendments(retranslation, known, hashing, holds);
  return [...events, ...facts.flatMap((fact) => decideFact(fact, known, cause, hashing))];
};

const isSame = ({ contradicts }: ReturnType<typeof compareCopy>, content: FactData): boolean =>
  contradicts !== null && canonicalJson(contradicts) === canonicalJson(content);

/** Each is taken over the whole stream before the next begins. */
export const RETRANSLATION_STEPS: readonly DecideRetranslation[] = [
  decideCorrections,
  decideWithdrawals,
  decideAdditions,
];

function statementsOf(facts: readonly ProviderFact[], hashing: Hashing): Statements {
  const statements = new Map<string, ProviderFact[]>();
  for (const fact of facts) {
    const id = providerEventId(fact, hashing);
    const stated = statements.get(id);
    if (stated === undefined) statements.set(id, [fact]);
    else stated.push(fact);
  }
  return statements;
}

/** Facts that the events recorded or corrected, each once. */
function factsNamedBy(caused: readonly RecordedEvent[]): Iterable<Omit<Recorded, "data">> {
  const named = new Map<string, Omit<Recorded, "data">>();
  for (const event of caused) {
    const { id, type } = event;
    if (!AMENDMENTS.has(type)) named.set(id, { id, type });
    if (type !== "FactCorrected") continue;
    const { event_id, event_type } = readData(event) as DataOf<"FactCorrected">;
    named.set(event_id, { id: event_id, type: event_type });
  }
  return named.values();
}

type Amending = Readonly<{ event_id: string; content: FactData; isContradiction: boolean }>;
type Holds = (amending: Amending, state: FactState) => boolean;

/** Withdraws what the delivery added or contradicted and what does not hold. */
function withdrawAmendments(
  { caused, translation, cause }: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
  holds: Holds,
): readonly NewEvent[] {
  const events: NewEvent[] = [];
  for (const event of caused) {
    if (event.type !== "FactSeen" && event.type !== "FactContradicted") continue;
    const data = readData(event) as DataOf<"FactSeen"> & DataOf<"FactContradicted">;
    const state = known.states.get(data.event_id);
    if (state === undefined || !isAmendedBy(state, event.id)) continue;
    const isContradiction = event.type === "FactContradicted";
    const content = isContradiction ? data.contradicts : data.adds;
    if (holds({ event_id: data.event_id, content, isContradiction }, state)) continue;
    const about = { ...data, key: keyNow(data.key, state) };
    events.push(withdrawnAmendmentEvent(event, about, { translation, cause, hashing }));
  }
  return noted(events, known);
}

function noted(events: readonly NewEvent[], known: KnownFacts): readonly NewEvent[] {
  for (const event of events) noteEvent(known, event);
  return events;
}

/** A movement may have been corrected into another run since. */
function keyNow(key: Readonly<Record<string, string>>, { data }: FactState) {
  return typeof data.run_id === "string" ? { ...key, run_id: data.run_id } : { ...key };
}

function isAmendedBy({ seen, contradicted }: FactState, id: string): boolean {
  return seen.some((other) => other.id === id) || contradicted.some((other) => other.id === id);
}

function isPartOf(content: FactData, whole: FactData): boolean {
  return Object.entries(content).every(
    ([key, value]) => canonicalJson(whole[key] ?? null) === canonicalJson(value),
  );
}

/** Which translation read a fact, and when it arrived, is not what the provider said. */
function isSameContent(recorded: FactData, read: FactData): boolean {
  const content = ({ translation: _t, received_at: _r, delivered_at: _d, ...rest }: FactData) =>
    canonicalJson(rest);
  return content(recorded) === content(read);
}

/** A quarantined delivery, read again. */
export type Retry = Readonly<{
  received: RecordedEvent;
  reading: Reading;
  translation: number;
  /** The same bytes under other types: where one of them was taken, this one stays in quarantine. */
  others: readonly OtherDelivery[];
}>;

/** Ids that a look-up must answer before `decideRetry` can decide, beside those of the facts. */
export function retryIds(
  deliveryId: string,
  { translation, others }: Pick<Retry, "translation" | "others">,
  hashing: Hashing,
): readonly string[] {
  const own = [retryId(deliveryId, translation, hashing), completionId(deliveryId, hashing)];
  return [...own, ...otherIds(others)];
}

/**
 * What the delivery says where it can be read now, and that it was tried. That stands at the end: of
 * a delivery too large for one append, a retry that dies in the middle leaves it in quarantine, and
 * the next one records the rest.
 */
export function decideRetry(
  { received, translation, ...retry }: Retry,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const reading = readingBeside(retry.others, retry.reading, known);
  const deliveryId = received.id;
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const correlationId = received.correlation_id;
  const { received_at: receivedAt } = data;
  const cause = { deliveryId, correlationId, receivedAt, deliveredAt: received.position };
  const result = reading.ok
    ? ({ outcome: "resolved" } as const)
    : ({ outcome: "unreadable", ...unreadOf(reading) } as const);
  const retried = newEvent(
    { type: "QuarantineRetried", data: { delivery_id: deliveryId, translation, ...result } },
    { id: retryId(deliveryId, translation, hashing), subject: `delivery:${deliveryId}` },
    cause,
  );
  if (!reading.ok) return [retried];
  const facts = reading.facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
  const parts = cutAppends(facts).length;
  const isComplete = !reading.snapshot || known.ids.has(completionId(deliveryId, hashing));
  const completion = isComplete ? [] : [completionEvent(data, parts, cause, hashing)];
  return [...facts, ...completion, retried];
}
