import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { readData } from "../stream/read-event.ts";
import { type Cause, correctedEvent, withdrawnAmendmentEvent, withdrawnEvent } from "./event.ts";
import {
  AMENDMENTS,
  type Amendment,
  evolveFactState,
  type FactState,
  initialFactState,
} from "./fact-state.ts";

/** A fact's first event, and what was recorded about it later, in order. */
export type FactEvents = Readonly<{
  event: RecordedEvent;
  amendments: readonly RecordedEvent[];
}>;

/**
 * Events that bring a fact to what it would be if some of its events had never been recorded: what
 * would be shown then, a model that has folded everything can be asked. They are never appended.
 *
 * @returns none where those events decide nothing of the fact
 */
export function eventsWithout(
  fact: FactEvents,
  isGone: (event: RecordedEvent) => boolean,
  hashing: Hashing,
): readonly NewEvent[] {
  const all = [fact.event, ...fact.amendments];
  const now = stateOf(all);
  if (now === null) return [];
  const kept = stateOf(all.filter((event) => !isGone(event)));
  const isStated = kept !== null && !kept.withdrawn;
  if (!isStated && now.withdrawn) return [];
  const then = isStated ? kept : { ...now, withdrawn: true };
  return eventsBetween(fact, now, then, hashing);
}

/** Amendments that lead from one state of a fact to another. */
function eventsBetween(
  { event: { id, type, subject }, amendments }: FactEvents,
  from: FactState,
  to: FactState,
  hashing: Hashing,
): NewEvent[] {
  const { translation: printed } = from.data;
  const translation = typeof printed === "number" ? printed : 1;
  const withdrawn = withdrawnEvent({ id, type, data: from.data }, translation, NO_CAUSE, hashing);
  if (to.withdrawn) return from.withdrawn ? [] : [withdrawn];
  const about = JSON.parse(withdrawn.data) as DataOf<"FactWithdrawn">;
  const [held, holding] = [amendmentsIn(from), amendmentsIn(to)];
  const options = { translation, cause: NO_CAUSE, hashing };
  const changes = amendments
    .filter((amendment) => held.has(amendment.id) !== holding.has(amendment.id))
    .map((amendment): NewEvent => {
      if (holding.has(amendment.id)) return { ...amendment, about: id };
      return withdrawnAmendmentEvent({ id: amendment.id, subject }, about, options);
    });
  const isSame = !from.withdrawn && canonicalJson(from.data) === canonicalJson(to.data);
  if (isSame) return changes;
  const corrected = correctedEvent(
    { fact: { type, data: to.data } as never, recorded: from.data },
    NO_CAUSE,
    hashing,
  );
  return [...changes, { ...corrected, subject, about: id }];
}

/** Nobody delivered them. */
const NO_CAUSE: Cause = { deliveryId: null, correlationId: null };

/** The fact after these events, as models fold them; null where nothing is known of it. */
export function stateOf(events: readonly RecordedEvent[]): FactState | null {
  let state: FactState | null = null;
  for (const event of events) {
    const { id, type, position, causation_id: deliveryId } = event;
    const data = readData(event);
    const amendment = { id, type, data, position, deliveryId } as unknown as Amendment;
    if (!AMENDMENTS.has(type)) state = initialFactState(data, position, deliveryId);
    else if (state !== null) state = evolveFactState(state, amendment);
    else if (amendment.type === "FactCorrected") {
      state = initialFactState(amendment.data.data, position, deliveryId);
    }
  }
  return state;
}

const amendmentsIn = ({ seen, contradicted }: FactState): ReadonlySet<string> =>
  new Set([...seen, ...contradicted].map(({ id }) => id));
