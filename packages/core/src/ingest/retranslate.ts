import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { readData } from "../stream/read-event.ts";
import type { Reading } from "../translate/translation.ts";
import {
  compareCopy,
  completionEvent,
  completionId,
  decideFact,
  type Part,
} from "./decide-delivery.ts";
import {
  correctedEvent,
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
 * A delivery under another translation, or a part of it: facts that the present one reads in its
 * bytes, and the events about these and others that the delivery caused before. Each fact is decided
 * by itself, so a part has all statements of its facts.
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

/** The statements of a delivery by fact; one body may state a fact twice. */
type Statements = ReadonlyMap<string, readonly ProviderFact[]>;

/**
 * The first step for all deliveries. A fact whose statement in force is this delivery's is corrected
 * if the present translation reads something else, and withdrawn if it reads no such fact. If another
 * delivery states a withdrawn fact, the last step restores it.
 */
const decideCorrections: DecideRetranslation = (
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
  return addToKnown(events, known);
};

/**
 * The second step for all deliveries. Amendments that their delivery does not state any more are
 * withdrawn before anything is decided again; otherwise a true statement would be skipped because a
 * false one already says the same. Amendments of a withdrawn fact are withdrawn with it, since the
 * next statement of the fact may differ.
 */
const decideWithdrawals: DecideRetranslation = (retranslation, known, hashing) => {
  const statements = statementsOf(retranslation.facts, hashing);
  return withdrawAmendments(retranslation, known, hashing, ({ event_id, content }, state) => {
    const stated = statements.get(event_id) ?? [];
    return !state.withdrawn && stated.some(({ data }) => isPartOf(content, data));
  });
};

/**
 * The last step for all deliveries. Contradictions that do not hold any more, or hold differently, are
 * withdrawn, and everything that the delivery states is decided as if it had just arrived.
 */
const decideAdditions: DecideRetranslation = (retranslation, known, hashing) => {
  const { facts, cause } = retranslation;
  const statements = statementsOf(facts, hashing);
  const isValid: IsValid = ({ event_id, content, isContradiction }, state) =>
    !isContradiction ||
    (statements.get(event_id) ?? []).some((fact) => isSame(compareCopy(state, fact), content));
  const events = withdrawAmendments(retranslation, known, hashing, isValid);
  return [...events, ...facts.flatMap((fact) => decideFact(fact, known, cause, hashing))];
};

const isSame = ({ contradicts }: ReturnType<typeof compareCopy>, content: FactData): boolean =>
  contradicts !== null && canonicalJson(contradicts) === canonicalJson(content);

type RetranslationStep = Readonly<{
  name: "correcting" | "withdrawing" | "adding";
  decide: DecideRetranslation;
  /** The step decides about `FactSeen` and `FactContradicted` only: without them nothing is to be read. */
  isAboutCopies: boolean;
}>;

/** Each step covers the whole stream before the next one begins. */
export const RETRANSLATION_STEPS: readonly RetranslationStep[] = [
  { name: "correcting", decide: decideCorrections, isAboutCopies: false },
  { name: "withdrawing", decide: decideWithdrawals, isAboutCopies: true },
  { name: "adding", decide: decideAdditions, isAboutCopies: false },
];

export type RetranslationStepName = RetranslationStep["name"];

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

/** The facts that the events recorded or corrected, without duplicates. */
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
type IsValid = (amending: Amending, state: FactState) => boolean;

/** Withdraws amendments of the delivery that are not valid. */
function withdrawAmendments(
  { caused, translation, cause }: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
  isValid: IsValid,
): readonly NewEvent[] {
  const events: NewEvent[] = [];
  for (const event of caused) {
    if (event.type !== "FactSeen" && event.type !== "FactContradicted") continue;
    const data = readData(event) as DataOf<"FactSeen"> & DataOf<"FactContradicted">;
    const state = known.states.get(data.event_id);
    if (state === undefined || !isAmendedBy(state, event.id)) continue;
    const isContradiction = event.type === "FactContradicted";
    const content = isContradiction ? data.contradicts : data.adds;
    if (isValid({ event_id: data.event_id, content, isContradiction }, state)) continue;
    const about = { ...data, key: withPresentRun(data.key, state) };
    events.push(withdrawnAmendmentEvent(event, about, { translation, cause, hashing }));
  }
  return addToKnown(events, known);
}

function addToKnown(events: readonly NewEvent[], known: KnownFacts): readonly NewEvent[] {
  for (const event of events) noteEvent(known, event);
  return events;
}

/** The key with the present run, since a movement may have been corrected into another run. */
function withPresentRun(key: Readonly<Record<string, string>>, { data }: FactState) {
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

/** Whether the provider's statement is the same, apart from translation and arrival. */
function isSameContent(recorded: FactData, read: FactData): boolean {
  const content = ({ translation: _t, received_at: _r, delivered_at: _d, ...rest }: FactData) =>
    canonicalJson(rest);
  return content(recorded) === content(read);
}

/** A quarantined delivery that is read again. */
export type Retry = Readonly<{
  received: RecordedEvent;
  /** How it was read; its facts come with the part. */
  reading: Reading;
  part: Part;
  translation: number;
  /**
   * The same bytes under other types: if one of them was recorded, this one stays in quarantine.
   */
  others: readonly OtherDelivery[];
}>;

/** The ids that must be looked up before `decideRetry`, besides those of the facts. */
export function retryIds(
  deliveryId: string,
  { translation, others }: Pick<Retry, "translation" | "others">,
  hashing: Hashing,
): readonly string[] {
  const own = [retryId(deliveryId, translation, hashing), completionId(deliveryId, hashing)];
  return [...own, ...otherIds(others)];
}

/**
 * Decides what one part of a delivery states if it can be read now. The attempt is recorded with the
 * last part: if a retry dies midway, the delivery stays in quarantine and the next retry records the
 * rest.
 */
export function decideRetry(
  { received, translation, part, ...retry }: Retry,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const reading = part.at > 0 ? retry.reading : readingBeside(retry.others, retry.reading, known);
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
  const facts = part.facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
  if (part.at < part.parts - 1) return facts;
  const isComplete = !reading.snapshot || known.ids.has(completionId(deliveryId, hashing));
  const completion = isComplete ? [] : [completionEvent(data, part.parts, cause, hashing)];
  return [...facts, ...completion, retried];
}
