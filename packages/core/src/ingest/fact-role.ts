import type { FactRole } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import type { Hashing } from "../hashing.ts";
import { readData } from "../stream/read-event.ts";
import { type Cause, correctedEvent, withdrawnAmendmentEvent, withdrawnEvent } from "./event.ts";
import {
  AMENDMENTS,
  type Amendment,
  amendedState,
  type FactState,
  initialFactState,
} from "./fact-state.ts";

/** A fact's first event, and what was recorded about it later, in order. */
type FactEvents = Readonly<{
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
    state = AMENDMENTS.has(type)
      ? amendedState(state, amendment)
      : initialFactState(data, position, deliveryId);
  }
  return state;
}

const amendmentsIn = ({ seen, contradicted }: FactState): ReadonlySet<string> =>
  new Set([...seen, ...contradicted].map(({ id }) => id));

type Fields = Readonly<Record<string, unknown>>;

/** What is shown of something: the values that it is asked for, how it stands, and what else is shown. */
export type View = Readonly<{ values: Fields; status: Fields; also: Fields }>;

/** What the rules make of everything but one event. */
export type Without = Readonly<{
  /** null where nothing would be shown. */
  view: View | null;
  /** Gaps that would be open then and are not so now. */
  gaps: readonly Readonly<{ missing: string; after: string | null; before: string | null }>[];
}>;

type Judged = Readonly<{ role: FactRole; because: string }>;

/**
 * The role of an event is what its absence would change, and is found by asking the rules that, so
 * that it cannot say anything else than they do.
 *
 * @param stands whether the event is in force: where nothing would change, it only repeats then
 */
export function roleOf(now: View | null, without: Without, stands: boolean): Judged {
  const { view, gaps } = without;
  const missing = changed(now?.values, view?.values);
  if (missing !== null) return { role: "decides", because: `without it ${said(view, missing)}` };
  const [gap] = gaps;
  if (gap !== undefined) {
    const where = `between ${gap.after ?? "nothing"} and ${gap.before ?? "nothing"}`;
    return { role: "confirms", because: `without it ${gap.missing} would be missing ${where}` };
  }
  const status = changed(now?.status, view?.status);
  if (status !== null) return { role: "confirms", because: `without it ${said(view, status)}` };
  const also = changed(now?.also, view?.also);
  if (also !== null) return { role: "decides", because: `without it ${said(view, also)}` };
  return stands
    ? { role: "repeats", because: SAME }
    : { role: "superseded", because: `${SAME}: something else stands in its place` };
}

const SAME = "without it nothing that is shown here would change";

type Change = Readonly<{ name: string; value: unknown }>;

/** The first field that is not the same, of a field of fields the one within; null where all are. */
function changed(now: Fields = {}, then: Fields = {}): Change | null {
  for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
    const [before, value] = [now[name] ?? null, then[name] ?? null];
    if (canonicalJson(before) === canonicalJson(value)) continue;
    const areFields = isFields(before) && isFields(value);
    const found = areFields ? changed(before, value) : { name, value };
    // Of two that differ only in what is missing and what is null nothing can be said.
    if (found !== null) return found;
  }
  return null;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fields whose names are no words of a sentence. */
const NAMES: Readonly<Record<string, string>> = {
  opened_at: "time that it was opened",
  updated_at: "time of its last change",
  effective_at: "time that it counts as of",
  last_run_id: "last run",
  stated_at: "printed time",
  movement_ids: "list of its movements",
  account_ids: "list of the provider's ids",
};

function said(view: View | null, { name, value }: Change): string {
  if (view === null) return "nothing of it would be shown";
  const field = NAMES[name] ?? name.replaceAll("_", " ");
  if (value === null) return `the ${field} would not be known`;
  return typeof value === "object"
    ? `the ${field} would be another`
    : `the ${field} would be ${String(value)}`;
}

type Amending = Readonly<Record<string, (data: Fields) => string>>;

/** What is said of events about a fact, by their type. */
const AMENDING: Amending = {
  FactSeen: ({ adds }) => `another copy adds ${named(adds)}`,
  FactContradicted: ({ contradicts }) =>
    `another copy says otherwise (${valued(contradicts)}); the first one stays in force`,
  FactCorrected: () => "a newer translation of the same bytes reads it so, which counts",
  FactWithdrawn: ({ amends }) =>
    amends === undefined
      ? "a newer translation of the same bytes does not find it any more"
      : "a newer translation of the same bytes does not find what a copy was said to add",
};

/** What an event about a fact says; null where the event is the fact itself. */
export function amendmentReason(type: string, data: Fields): string | null {
  return Object.hasOwn(AMENDING, type) ? (AMENDING[type]?.(data) ?? null) : null;
}

const named = (fields: unknown): string =>
  Object.keys(Object(fields))
    .map((name) => name.replaceAll("_", " "))
    .join(", ");

const valued = (fields: unknown): string =>
  Object.entries(Object(fields))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${text(value)}`)
    .join(", ");

const text = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);
