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

/** A fact's event and its amendments, in order. */
type FactEvents = Readonly<{
  event: RecordedEvent;
  amendments: readonly RecordedEvent[];
}>;

/**
 * Events that change a fact to what it would be if some of its events had never been recorded. An
 * up-to-date model applies them to show what would be different. They are never appended.
 *
 * @returns no events where the missing ones make no difference to the fact
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

/** Amendments that change a fact from one state to another. */
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
  const [before, after] = [amendmentsIn(from), amendmentsIn(to)];
  const options = { translation, cause: NO_CAUSE, hashing };
  const changes = amendments
    .filter((amendment) => before.has(amendment.id) !== after.has(amendment.id))
    .map((amendment): NewEvent => {
      if (after.has(amendment.id)) return { ...amendment, about: id };
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

/** Hypothetical events have no delivery. */
const NO_CAUSE: Cause = { deliveryId: null, correlationId: null };

/**
 * The state of a fact after these events, as models compute it; null where nothing is known of it.
 */
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

/** What is shown of a subject: its main values, its status, and everything else. */
export type View = Readonly<{ values: Fields; status: Fields; also: Fields }>;

/** The result of the rules without one event. */
export type Without = Readonly<{
  /** null where nothing would be shown. */
  view: View | null;
  /** Gaps that would be open without it and are not open now. */
  gaps: readonly Readonly<{ missing: string; after: string | null; before: string | null }>[];
}>;

type ExplainedRole = Readonly<{ role: FactRole; because: string }>;

/**
 * The role of an event: what its absence would change. The rules themselves compute the result
 * without it, so the role always agrees with them.
 *
 * @param isInForce whether the event is in force: if nothing would change, it repeats what is known
 */
export function roleOf(now: View | null, without: Without, isInForce: boolean): ExplainedRole {
  const { view, gaps } = without;
  const missing = firstChange(now?.values, view?.values);
  if (missing !== null)
    return { role: "decides", because: `without it ${describeChange(view, missing)}` };
  const [gap] = gaps;
  if (gap !== undefined) {
    const where = `between ${gap.after ?? "nothing"} and ${gap.before ?? "nothing"}`;
    return { role: "confirms", because: `without it ${gap.missing} would be missing ${where}` };
  }
  const status = firstChange(now?.status, view?.status);
  if (status !== null)
    return { role: "confirms", because: `without it ${describeChange(view, status)}` };
  const also = firstChange(now?.also, view?.also);
  if (also !== null)
    return { role: "decides", because: `without it ${describeChange(view, also)}` };
  return isInForce
    ? { role: "repeats", because: NO_CHANGE }
    : { role: "superseded", because: `${NO_CHANGE}: something else replaced it` };
}

const NO_CHANGE = "without it nothing that is shown here would change";

type Change = Readonly<{ name: string; value: unknown }>;

/**
 * The first field that differs, inside an object the first differing one there; null where none
 * does.
 */
function firstChange(now: Fields = {}, then: Fields = {}): Change | null {
  for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
    const [before, value] = [now[name] ?? null, then[name] ?? null];
    if (canonicalJson(before) === canonicalJson(value)) continue;
    const areFields = isFields(before) && isFields(value);
    const found = areFields ? firstChange(before, value) : { name, value };
    // An object may differ only in that a field is missing here and null there: no difference.
    if (found !== null) return found;
  }
  return null;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Readable names of fields whose own names do not fit into a sentence. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  opened_at: "time that it was opened",
  updated_at: "time of its last change",
  effective_at: "time that it counts as of",
  last_run_id: "last run",
  stated_at: "printed time",
  movement_ids: "list of its movements",
  account_ids: "list of the provider's ids",
};

function describeChange(view: View | null, { name, value }: Change): string {
  if (view === null) return "nothing of it would be shown";
  const field = FIELD_NAMES[name] ?? name.replaceAll("_", " ");
  if (value === null) return `the ${field} would not be known`;
  return typeof value === "object"
    ? `the ${field} would be different`
    : `the ${field} would be ${String(value)}`;
}

type AmendmentTexts = Readonly<Record<string, (data: Fields) => string>>;

/** Descriptions of amendments, by type. */
const AMENDMENT_TEXTS: AmendmentTexts = {
  FactSeen: ({ adds }) => `another copy adds ${fieldNames(adds)}`,
  FactContradicted: ({ contradicts }) =>
    `another copy says otherwise (${fieldValues(contradicts)}); the first one stays in force`,
  FactCorrected: () => "a newer translation of the same bytes replaces what was read first",
  FactWithdrawn: ({ amends }) =>
    amends === undefined
      ? "a newer translation of the same bytes does not find it any more"
      : "a newer translation of the same bytes does not find what this copy added or contradicted",
};

/** Describes an amendment; null for the event of the fact itself. */
export function amendmentReason(type: string, data: Fields): string | null {
  return Object.hasOwn(AMENDMENT_TEXTS, type) ? (AMENDMENT_TEXTS[type]?.(data) ?? null) : null;
}

const fieldNames = (fields: unknown): string =>
  Object.keys(Object(fields))
    .map((name) => name.replaceAll("_", " "))
    .join(", ");

const fieldValues = (fields: unknown): string =>
  Object.entries(Object(fields))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${text(value)}`)
    .join(", ");

const text = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);
