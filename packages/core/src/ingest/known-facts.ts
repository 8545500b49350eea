import type { FactOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { type Amendment, evolveFactState, type FactState, initialFactState } from "./fact-state.ts";

/**
 * What is known of the events that a batch may bring: the answer of a look-up, and on top of it what
 * the batch's own earlier deliveries decided. Owned by one decision, which changes it in place.
 */
export type KnownFacts = Readonly<{ states: Map<string, FactState>; ids: Set<string> }>;

type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;

export function knownFacts(known: ReadonlyMap<string, KnownEvent>): KnownFacts {
  const facts: KnownFacts = { states: new Map(), ids: new Set() };
  for (const { event, amendments } of known.values()) {
    noteEvent(facts, event);
    for (const amendment of amendments) noteEvent(facts, amendment);
  }
  return facts;
}

/** Takes in one event, recorded or just decided. */
export function noteEvent(facts: KnownFacts, event: NewEvent | RecordedEvent): void {
  facts.ids.add(event.id);
  const data = JSON.parse(event.data);
  const position = "position" in event ? event.position : 0;
  const target = amendedFact(event.type, data);
  if (target === null) {
    facts.states.set(event.id, initialFactState(data, position, event.causation_id));
    return;
  }
  const state = facts.states.get(target);
  if (state === undefined) return;
  const { id, type, causation_id: deliveryId } = event;
  facts.states.set(
    target,
    evolveFactState(state, { id, type, data, position, deliveryId } as Amendment),
  );
}

function amendedFact(type: string, data: { event_id: string; amends?: string }): string | null {
  if (type === "FactWithdrawn")
    return (data as FactOf<"FactWithdrawn">["data"]).amends ?? data.event_id;
  return type === "FactSeen" || type === "FactContradicted" || type === "FactCorrected"
    ? data.event_id
    : null;
}
