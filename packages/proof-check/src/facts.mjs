// Step 6: what the events say of the account. docs/domain-rules.md says why.
import { agreedTime, exactJson, least, most, need, time } from "./exact.mjs";

const FACTS = new Set(["MovementRecorded", "BalanceReported", "FundsReported"]);

/**
 * The account's facts in their order on the stream. A fact is what the provider stated once; later events
 * add what other copies of it said, correct it or withdraw it.
 */
export function factsOf(events, account) {
  const facts = new Map();
  for (const event of events) {
    if (event.subject !== account) continue;
    const { place, schema_version, type } = event;
    const isKnown = schema_version === "1";
    need(isKnown, `form: position ${place} has a schema that this checker does not know`);
    const data = exactJson(event.data);
    if (FACTS.has(type)) facts.set(event.id, newFact(event, data));
    else amend(facts, event, data);
  }
  return [...facts.values()].map(understood);
}

const newFact = ({ type, place, causation_id }, data) => ({
  type,
  place,
  /** What counts now; `first` is what it said when it came. */
  data,
  first: data,
  /** The delivery that stated what counts. */
  cause: causation_id,
  /** What other copies of it said besides, by the event that says so. */
  seen: new Map(),
  isWithdrawn: false,
});

/** An event about a fact. FactContradicted changes nothing of what counts. */
function amend(facts, { id, type, causation_id }, data) {
  const isWithdrawal = type === "FactWithdrawn";
  const fact = facts.get(isWithdrawal ? (data.amends ?? data.event_id) : data.event_id);
  if (fact === undefined) return;
  if (type === "FactSeen") fact.seen.set(id, { ...data.adds, received_at: data.received_at });
  if (type === "FactCorrected") {
    Object.assign(fact, { data: data.data, cause: causation_id, isWithdrawn: false });
  }
  if (!isWithdrawal) return;
  // It names the fact itself, or an event about the fact.
  if (data.amends === undefined) fact.isWithdrawn = true;
  fact.seen.delete(data.event_id);
}

const YEAR_1971 = 31_536_000_000_000_000n;
const MINUTE = 60_000_000_000n;

/** A fact with what all its copies say together. */
function understood(fact) {
  const copies = [fact.data, ...fact.seen.values()];
  const timesOf = (name) =>
    copies.flatMap((copy) => (copy[name] === undefined ? [] : time(copy[name])));
  const arrived = least(copies.map(({ received_at }) => time(received_at)));
  // A time that the provider cannot have meant is none.
  const possible = timesOf("occurred_at").filter(
    (one) => one >= YEAR_1971 && one <= arrived + MINUTE,
  );
  return {
    ...fact,
    /** The first copy that states it counts. */
    value: (name) => copies.find((copy) => copy[name] !== undefined)?.[name],
    at: agreedTime(possible),
    arrived,
    notBefore: most(timesOf("not_before")),
    /** From where on the stream held it, also where it was understood later only. */
    heldFrom: Math.min(fact.place, Number(fact.data.delivered_at ?? fact.place)),
  };
}
