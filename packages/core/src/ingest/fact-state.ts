import type { DataOf, FactOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { agreedTime, formatTime, type Nanos, timeOf } from "../exact/time.ts";
import { isTooNew, readData } from "../stream/read-event.ts";

/**
 * One fact and everything that later events said of it. Ingestors fold it from a look-up, models
 * keep it beside their rows; both get the same answer to "what is in force".
 */
export type FactState = Readonly<{
  /** As first recorded, or as last corrected. */
  data: FactData;
  seen: readonly Seen[];
  contradicted: readonly Contradicted[];
  withdrawn: boolean;
  /** Whether its content was corrected after it was first recorded. */
  corrected: boolean;
  /** Where, and by which delivery, it was first recorded. */
  position: number;
  deliveryId: string | null;
}>;

export type FactData = Readonly<Record<string, unknown>>;
export type Place = Readonly<{ connection: string; frame: number }>;

type Seen = Readonly<{ id: string; adds: FactData; receivedAt: string }>;
type Contradicted = Readonly<{
  id: string;
  contradicts: FactData;
  position: number;
  deliveryId: string | null;
}>;

/** An amendment as it lies on the stream. */
export type Amendment = Readonly<{
  id: string;
  position: number;
  deliveryId: string | null;
}> &
  (
    | FactOf<"FactSeen">
    | FactOf<"FactContradicted">
    | FactOf<"FactCorrected">
    | FactOf<"FactWithdrawn">
  );

export const AMENDMENTS: ReadonlySet<string> = new Set([
  "FactSeen",
  "FactContradicted",
  "FactCorrected",
  "FactWithdrawn",
]);

export function initialFactState(
  data: FactData,
  position: number,
  deliveryId: string | null,
): FactState {
  return {
    data,
    seen: [],
    contradicted: [],
    withdrawn: false,
    corrected: false,
    position,
    deliveryId,
  };
}

export function evolveFactState(before: FactState, amendment: Amendment): FactState {
  const { id, position, deliveryId } = amendment;
  if (isTaken(before, id)) return before;
  // Data that is read when it is asked for is no property that a spread would copy.
  const state = { ...before, data: before.data };
  switch (amendment.type) {
    case "FactSeen": {
      const { adds, received_at } = amendment.data;
      return { ...state, seen: [...state.seen, { id, adds, receivedAt: received_at }] };
    }
    case "FactContradicted": {
      const { contradicts } = amendment.data;
      const contradiction = { id, contradicts, position, deliveryId };
      return { ...state, contradicted: [...state.contradicted, contradiction] };
    }
    case "FactCorrected":
      return { ...state, data: amendment.data.data, withdrawn: false, corrected: true };
    case "FactWithdrawn":
      return withdraw(state, amendment.data);
  }
}

/** The same of a fact of which nothing may be known: a correction says all of it, and others nothing. */
export function amendedState(before: FactState | null, amendment: Amendment): FactState | null {
  if (before !== null) return evolveFactState(before, amendment);
  if (amendment.type !== "FactCorrected") return null;
  const { data, position, deliveryId } = amendment;
  return { ...initialFactState(data.data, position, deliveryId), corrected: true };
}

/** Folding an amendment twice changes nothing. */
function isTaken({ seen, contradicted }: FactState, id: string): boolean {
  return seen.some((other) => other.id === id) || contradicted.some((other) => other.id === id);
}

function withdraw(state: FactState, { amends, event_id }: DataOf<"FactWithdrawn">): FactState {
  if (amends === undefined) return { ...state, withdrawn: true };
  return {
    ...state,
    seen: state.seen.filter(({ id }) => id !== event_id),
    contradicted: state.contradicted.filter(({ id }) => id !== event_id),
  };
}

/** Every time that a copy of the fact gave, unordered. */
export function timesOf(state: FactState): readonly Nanos[] {
  const times: Nanos[] = [];
  for (const { occurred_at } of copiesOf(state)) {
    if (typeof occurred_at === "string") times.push(timeOf(occurred_at));
  }
  return times;
}

/** The provider's ids of the account, in the order of reporting. */
export function accountIdsOf(state: FactState): readonly string[] {
  if (state.seen.length === 0) {
    const { account_id } = state.data;
    return typeof account_id === "string" ? [account_id] : NONE;
  }
  const ids = copiesOf(state).map((copy) => copy.account_id);
  return [...new Set(ids.filter((id) => typeof id === "string"))];
}

/** The latest moment that a socket's order puts the report behind; null where none does. */
export function notBeforeOf(state: FactState): Nanos | null {
  if (state.seen.length === 0 && state.data.not_before === undefined) return null;
  let latest: Nanos | null = null;
  for (const { not_before } of copiesOf(state)) {
    if (typeof not_before !== "string") continue;
    const time = timeOf(not_before);
    if (latest === null || time > latest) latest = time;
  }
  return latest;
}

/** The run that the socket stated before, of the statement that says the latest; null where none does. */
export function followedRun(state: FactState): string | null {
  const latest = notBeforeOf(state);
  if (latest === null) return null;
  const time = formatTime(latest);
  const { follows } = copiesOf(state).find(({ not_before }) => not_before === time) ?? {};
  return typeof follows === "string" ? follows : null;
}

/** When the first copy of the fact reached us. */
export function firstArrivalOf(state: FactState): Nanos {
  let first = timeOf(String(state.data.received_at));
  for (const { receivedAt } of state.seen) {
    const arrival = timeOf(receivedAt);
    if (arrival < first) first = arrival;
  }
  return first;
}

/** From where on the stream held it: what was found in a delivery later was in it all the same. */
export function heldFrom({ data, position }: FactState): number {
  const { delivered_at } = data;
  return typeof delivered_at === "string" ? Math.min(Number(delivered_at), position) : position;
}

/** The content in force: what was recorded or corrected, with what later copies added. */
export function inForce(state: FactState): FactData {
  if (state.seen.length === 0) return state.data;
  const merged: Record<string, unknown> = { ...state.data };
  for (const { adds } of state.seen) {
    for (const [key, value] of Object.entries(adds)) {
      if (merged[key] === undefined) merged[key] = value;
    }
  }
  const time = agreedTime(timesOf(state));
  if (time !== null) merged.occurred_at = formatTime(time);
  return merged;
}

const NONE: readonly never[] = [];

const copiesOf = (state: FactState): FactData[] => [
  state.data,
  ...state.seen.map(({ adds }) => adds),
];

/**
 * What is known of the events that a batch may bring: the answer of a look-up, and on top of it what
 * the batch's own earlier deliveries decided. Owned by one decision, which changes it in place.
 */
export type KnownFacts = Readonly<{
  states: Map<string, FactState>;
  ids: Set<string>;
  /** Which delivery's statement of a fact is in force: the recording one's, or the last correcting one's. */
  statedBy: Map<string, string | null>;
}>;

type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;

export function knownFacts(known: ReadonlyMap<string, KnownEvent>): KnownFacts {
  const facts: KnownFacts = { states: new Map(), ids: new Set(), statedBy: new Map() };
  for (const { event, amendments } of known.values()) {
    const events = [event, ...amendments];
    // What a newer program wrote is known, but cannot be compared with: a copy of it adds nothing.
    if (events.some(isTooNew)) for (const { id } of events) facts.ids.add(id);
    else for (const each of events) noteEvent(facts, each);
  }
  return facts;
}

/** Takes in one event, recorded or just decided. */
export function noteEvent(facts: KnownFacts, event: NewEvent | RecordedEvent): void {
  const { id, type, causation_id: deliveryId } = event;
  const position = "position" in event ? event.position : 0;
  facts.ids.add(id);
  if (!AMENDMENTS.has(type)) {
    facts.states.set(id, new UnreadFact(event, position));
    facts.statedBy.set(id, deliveryId);
    return;
  }
  const data = readData(event) as AmendmentData;
  const target = amendedFact(type, data);
  const state = facts.states.get(target);
  if (state === undefined) return;
  if (type === "FactCorrected") facts.statedBy.set(target, deliveryId);
  facts.states.set(
    target,
    evolveFactState(state, { id, type, data, position, deliveryId } as Amendment),
  );
}

/** Its data is parsed when it is asked for: nearly every fact just decided never meets a copy. */
class UnreadFact implements FactState {
  readonly seen = [];
  readonly contradicted = [];
  readonly withdrawn = false;
  readonly corrected = false;
  readonly position: number;
  readonly deliveryId: string | null;
  readonly #event: NewEvent | RecordedEvent;
  #data: FactData | null = null;

  constructor(event: NewEvent | RecordedEvent, position: number) {
    this.#event = event;
    this.position = position;
    this.deliveryId = event.causation_id;
  }

  get data(): FactData {
    this.#data ??= readData(this.#event);
    return this.#data;
  }
}

/**
 * Whether a decision about these facts has to be made again because of an event. What a newer program
 * wrote cannot be read, and may be about anything.
 */
export function isAboutAny(event: RecordedEvent, ids: ReadonlySet<string>): boolean {
  return isTooNew(event) || ids.has(event.id) || ids.has(factIdOf(event));
}

/** The id of the fact that an event is, or is about. */
export function factIdOf(event: RecordedEvent): string {
  if (!AMENDMENTS.has(event.type)) return event.id;
  return amendedFact(event.type, readData(event) as AmendmentData);
}

type AmendmentData = FactOf<"FactWithdrawn">["data"];

function amendedFact(type: string, { event_id, amends }: AmendmentData): string {
  return type === "FactWithdrawn" ? (amends ?? event_id) : event_id;
}
