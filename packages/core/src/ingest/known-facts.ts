import type { FactOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isTooNew, readData } from "../stream/read-event.ts";
import {
  AMENDMENTS,
  type Amendment,
  evolveFactState,
  type FactData,
  type FactState,
} from "./fact-state.ts";

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

/** The id of the fact that an event is, or is about. */
export function factIdOf(event: RecordedEvent): string {
  if (!AMENDMENTS.has(event.type)) return event.id;
  return amendedFact(event.type, readData(event) as AmendmentData);
}

type AmendmentData = FactOf<"FactWithdrawn">["data"];

function amendedFact(type: string, { event_id, amends }: AmendmentData): string {
  return type === "FactWithdrawn" ? (amends ?? event_id) : event_id;
}
