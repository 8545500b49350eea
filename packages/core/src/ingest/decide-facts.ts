import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { compareCopy } from "./compare.ts";
import {
  contradictedEvent,
  correctedEvent,
  type DeliveryCause,
  providerEvent,
  providerEventId,
  restatedEvent,
  seenEvent,
} from "./event.ts";
import type { FactData, FactState } from "./fact-state.ts";
import { type KnownFacts, noteEvent } from "./known-facts.ts";

/**
 * The decision about one fact: which events make the stream say what this copy says, given what is
 * known. None where it adds nothing. `known` takes in what was decided.
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
  const { adds, contradicts } = compareCopy(state, fact);
  const events: NewEvent[] = [];
  if (adds) events.push(seenEvent(copy, adds as DataOf<"FactSeen">["adds"], cause, hashing));
  if (contradicts && !isContradictedBy(state, contradicts)) {
    const stated = contradicts as DataOf<"FactContradicted">["contradicts"];
    events.push(contradictedEvent(copy, stated, cause, hashing));
  }
  // What is known and yet not in force was withdrawn: this delivery states it all the same.
  return events.map((event) =>
    known.ids.has(event.id) ? restatedEvent(event, fact, cause, hashing) : event,
  );
}

function isContradictedBy({ contradicted }: FactState, stated: FactData): boolean {
  const content = canonicalJson(stated);
  return contradicted.some(({ contradicts }) => canonicalJson(contradicts) === content);
}
