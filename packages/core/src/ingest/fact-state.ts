import type { DataOf, FactOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { agreedTime, formatTime, type Nanos, timeOf } from "../exact/time.ts";
import { isTooNew, readData } from "../stream/read-event.ts";

/**
 * A fact with all of its amendments. Ingestors compute it from a look-up, models store it beside
 * their rows; both derive the same content in force from it.
 */
export type FactState = Readonly<{
  /** The data as first recorded, or as last corrected. */
  data: FactData;
  seen: readonly Seen[];
  contradicted: readonly Contradicted[];
  withdrawn: boolean;
  /** Whether its content was corrected after it was first recorded. */
  corrected: boolean;
  /** The position and the delivery of its first event. */
  position: number;
  deliveryId: string | null;
}>;

export type FactData = Readonly<Record<string, unknown>>;
export type Place = Readonly<{ connection: string; frame: number }>;

/**
 * How many copies of a fact may add a time, an account id or an order, and how many may contradict it.
 * Providers send a fact a few times over each channel. Further copies are kept as deliveries only, so
 * that a fact that is sent again and again, each time with another content, stays as cheap as others.
 */
export const COPIES_MAX = 64;

type Seen = Readonly<{ id: string; adds: FactData; receivedAt: string }>;
type Contradicted = Readonly<{
  id: string;
  contradicts: FactData;
  position: number;
  deliveryId: string | null;
}>;

/** An amendment as recorded on the stream. */
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

/** A fact as its first event states it. */
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

/** The fact after an amendment. A copy or a contradiction that it has already changes nothing. */
export function evolveFactState(before: FactState, amendment: Amendment): FactState {
  const { id, position, deliveryId } = amendment;
  if (isAmendedBy(before, id)) return before;
  // A spread does not copy the getter that reads data lazily.
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

/**
 * Amends a fact that may be unknown: only a correction states all of it, so only that can start it.
 */
export function amendedState(before: FactState | null, amendment: Amendment): FactState | null {
  if (before !== null) return evolveFactState(before, amendment);
  if (amendment.type !== "FactCorrected") return null;
  const { data, position, deliveryId } = amendment;
  return { ...initialFactState(data.data, position, deliveryId), corrected: true };
}

/** An amendment that was applied before changes nothing. */
function isAmendedBy({ seen, contradicted }: FactState, id: string): boolean {
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

/** The times that all copies of the fact state, unordered. */
export function timesOf(state: FactState): readonly Nanos[] {
  const times: Nanos[] = [];
  for (const { occurred_at } of copiesOf(state)) {
    if (typeof occurred_at === "string") times.push(timeOf(occurred_at));
  }
  return times;
}

/** The provider's ids of the account, in the order in which copies stated them. */
export function accountIdsOf(state: FactState): readonly string[] {
  if (state.seen.length === 0) {
    const { account_id } = state.data;
    return typeof account_id === "string" ? [account_id] : NO_IDS;
  }
  const ids = copiesOf(state).map((copy) => copy.account_id);
  return [...new Set(ids.filter((id) => typeof id === "string"))];
}

/** The latest time before which no socket's order allows the report; null where none limits it. */
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

/** The run that precedes it on the socket with the latest `notBefore`; null where there is none. */
export function followedRun(state: FactState): string | null {
  const latest = notBeforeOf(state);
  if (latest === null) return null;
  const time = formatTime(latest);
  const { follows } = copiesOf(state).find(({ not_before }) => not_before === time) ?? {};
  return typeof follows === "string" ? follows : null;
}

/** When the first copy of the fact arrived. */
export function firstArrivalOf(state: FactState): Nanos {
  let first = timeOf(String(state.data.received_at));
  for (const { receivedAt } of state.seen) {
    const arrival = timeOf(receivedAt);
    if (arrival < first) first = arrival;
  }
  return first;
}

/**
 * The position since which the stream has the fact: that of its delivery, even if it was read
 * later.
 */
export function heldFrom({ data, position }: FactState): number {
  const { delivered_at } = data;
  return typeof delivered_at === "string" ? Math.min(Number(delivered_at), position) : position;
}

/** The content in force: the recorded or corrected data, with what copies added. */
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

const NO_IDS: readonly never[] = [];

const copiesOf = (state: FactState): FactData[] => [
  state.data,
  ...state.seen.map(({ adds }) => adds),
];

/**
 * What is known of the events that a batch may add: the result of a look-up, and what earlier
 * deliveries of the batch decided. Owned by one decision, which changes it in place.
 */
export type KnownFacts = Readonly<{
  states: Map<string, FactState>;
  ids: Set<string>;
  /**
   * The delivery whose statement of a fact is in force: it recorded the fact, or corrected it last.
   */
  statedBy: Map<string, string | null>;
  /** Facts of which a copy stated more than is recorded, see `COPIES_MAX`; emptied by each delivery's decision. */
  leftOut: string[];
}>;

type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;

/** What a look-up knows. Of an event that a newer program wrote, only the id is known. */
export function knownFacts(known: ReadonlyMap<string, KnownEvent>): KnownFacts {
  const facts: KnownFacts = {
    states: new Map(),
    ids: new Set(),
    statedBy: new Map(),
    leftOut: [],
  };
  for (const { event, amendments } of known.values()) {
    const events = [event, ...amendments];
    // Events of a newer program are known, but cannot be compared: a copy of them adds nothing.
    if (events.some(isTooNew)) for (const { id } of events) facts.ids.add(id);
    else for (const each of events) noteEvent(facts, each);
  }
  return facts;
}

/** Adds one event, recorded or just decided, to what is known. */
export function noteEvent(facts: KnownFacts, event: NewEvent | RecordedEvent): void {
  const { id, type, causation_id: deliveryId } = event;
  const position = "position" in event ? event.position : 0;
  facts.ids.add(id);
  if (!AMENDMENTS.has(type)) {
    facts.states.set(id, new LazyFactState(event, position));
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

/** Parses its data on demand: nearly every fact just decided is never compared with a copy. */
class LazyFactState implements FactState {
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
 * Whether an event requires deciding about these facts again. An event of a newer program cannot be
 * read, so it may amend any of them.
 */
export function isAboutAny(event: RecordedEvent, ids: ReadonlySet<string>): boolean {
  return isTooNew(event) || ids.has(event.id) || ids.has(factIdOf(event));
}

/** The id of the fact that an event records or amends. */
export function factIdOf(event: RecordedEvent): string {
  if (!AMENDMENTS.has(event.type)) return event.id;
  return amendedFact(event.type, readData(event) as AmendmentData);
}

type AmendmentData = FactOf<"FactWithdrawn">["data"];

function amendedFact(type: string, { event_id, amends }: AmendmentData): string {
  return type === "FactWithdrawn" ? (amends ?? event_id) : event_id;
}
