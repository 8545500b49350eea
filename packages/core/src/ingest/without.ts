import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { readData } from "../stream/read-event.ts";
import {
  type Cause,
  correctedEvent,
  newEvent,
  withdrawnAmendmentEvent,
  withdrawnEvent,
} from "./event.ts";
import {
  AMENDMENTS,
  type Amendment,
  evolveFactState,
  type FactData,
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
  const then = stateOf(all.filter((event) => !isGone(event)));
  if (now === null) return [];
  const { id, type, subject } = fact.event;
  const { translation: printed } = now.data;
  const translation = typeof printed === "number" ? printed : 1;
  const recorded = { id, type, data: now.data };
  if (then === null || then.withdrawn) {
    return now.withdrawn ? [] : [withdrawnEvent(recorded, translation, NO_CAUSE, hashing)];
  }
  const withdrawn = withdrawnEvent(recorded, translation, NO_CAUSE, hashing);
  const about = JSON.parse(withdrawn.data) as DataOf<"FactWithdrawn">;
  const [held, holding] = [amendmentsIn(now), amendmentsIn(then)];
  const isAmended = ({ id }: RecordedEvent) => held.has(id) !== holding.has(id);
  const changes = fact.amendments.filter(isAmended).map((amendment): NewEvent => {
    if (holding.has(amendment.id)) return { ...amendment, about: id };
    const options = { translation, cause: NO_CAUSE, hashing };
    return withdrawnAmendmentEvent({ id: amendment.id, subject }, about, options);
  });
  const isSame = !now.withdrawn && canonicalJson(now.data) === canonicalJson(then.data);
  return isSame ? changes : [...changes, correction(then.data, now.data, fact.event, hashing)];
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

function correction(
  data: FactData,
  recorded: FactData,
  { id, type, subject }: RecordedEvent,
  hashing: Hashing,
): NewEvent {
  const corrected = correctedEvent({ fact: { type, data } as never, recorded }, NO_CAUSE, hashing);
  const about = JSON.parse(corrected.data) as DataOf<"FactCorrected">;
  return newEvent(
    { type: "FactCorrected", data: { ...about, event_id: id, event_type: type, data } as never },
    { id: corrected.id, subject, about: id },
    NO_CAUSE,
  );
}
