import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { decideFact } from "./decide-facts.ts";
import {
  correctedEvent,
  type DeliveryCause,
  providerEventId,
  withdrawnAmendmentEvent,
  withdrawnEvent,
} from "./event.ts";
import { AMENDMENTS, type FactData, type FactState, inForce } from "./fact-state.ts";
import { type KnownFacts, noteEvent } from "./known-facts.ts";

/**
 * One delivery under another translation: what the present one reads in its bytes, and what was
 * recorded because of it.
 */
export type Retranslation = Readonly<{
  facts: readonly ProviderFact[];
  /** Provider facts and amendments that this delivery caused, in order. */
  caused: readonly RecordedEvent[];
  translation: number;
  cause: DeliveryCause;
}>;

/**
 * First for all deliveries: facts that a delivery brought are corrected where the present
 * translation reads something else, and withdrawn where it reads no such fact. Another delivery
 * that states a withdrawn fact revives it, in the second step.
 */
export function decideCorrections(
  { facts, caused, translation, cause }: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const present = new Map(facts.map((fact) => [providerEventId(fact, hashing), fact]));
  const corrections: NewEvent[] = [];
  for (const event of caused) {
    const state = known.states.get(event.id);
    if (AMENDMENTS.has(event.type) || state === undefined || state.withdrawn) continue;
    const fact = present.get(event.id);
    const recorded = { type: event.type, id: event.id, data: state.data };
    if (fact === undefined) {
      corrections.push(withdrawnEvent(recorded, translation, cause, hashing));
    } else if (!isSameContent(state.data, fact.data)) {
      corrections.push(correctedEvent({ fact, recorded: state.data }, cause, hashing));
    }
  }
  // One that was withdrawn before was revived since, by a delivery that states it.
  const events = corrections.filter(({ id }) => !known.ids.has(id));
  for (const event of events) noteEvent(known, event);
  return events;
}

/**
 * Then for all deliveries: amendments that a delivery caused and that it does not state any more
 * are withdrawn, and everything it states now is decided like a delivery that has just come.
 */
export function decideAdditions(
  { facts, caused, translation, cause }: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const present = new Map(facts.map((fact) => [providerEventId(fact, hashing), fact]));
  const events: NewEvent[] = [];
  for (const event of caused) {
    if (event.type !== "FactSeen" && event.type !== "FactContradicted") continue;
    const data = JSON.parse(event.data) as DataOf<"FactSeen"> & DataOf<"FactContradicted">;
    const state = known.states.get(data.event_id);
    if (state === undefined || !isAmendedBy(state, event.id)) continue;
    const stated = present.get(data.event_id)?.data as FactData | undefined;
    const content = data.adds ?? data.contradicts;
    const isStated = stated !== undefined && isPartOf(content, stated);
    const isMoot = event.type === "FactContradicted" && isPartOf(content, inForce(state));
    if (isStated && !isMoot) continue;
    const about = { ...data, key: keyNow(data.key, state) };
    events.push(withdrawnAmendmentEvent(event, about, { translation, cause, hashing }));
  }
  for (const event of events) noteEvent(known, event);
  const decided = facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
  return [...events, ...decided];
}

/** A movement may have been corrected into another run since. */
function keyNow(key: Readonly<Record<string, string>>, { data }: FactState) {
  return typeof data.run_id === "string" ? { ...key, run_id: data.run_id } : { ...key };
}

function isAmendedBy(
  { seen, contradicted }: Readonly<{ seen: readonly Named[]; contradicted: readonly Named[] }>,
  id: string,
): boolean {
  return seen.some((other) => other.id === id) || contradicted.some((other) => other.id === id);
}

type Named = Readonly<{ id: string }>;

function isPartOf(content: FactData, whole: FactData): boolean {
  return Object.entries(content).every(
    ([key, value]) => canonicalJson(whole[key] ?? null) === canonicalJson(value),
  );
}

/** Which translation read a fact, and when it arrived, is not what the provider said. */
function isSameContent(recorded: FactData, read: FactData): boolean {
  const content = ({ translation: _t, received_at: _r, ...rest }: FactData) => canonicalJson(rest);
  return content(recorded) === content(read);
}
