// Step 6: the facts of the account. docs/domain-rules.md gives the reasons.
import { agreedTime, exactJson, least, most, need, time } from "./exact.mjs";

const FACTS = new Set(["MovementRecorded", "BalanceReported", "FundsReported"]);

/**
 * The account's facts in the order of the stream. A fact is one statement of the provider; later events
 * add the contents of other copies, correct it or withdraw it.
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
  /** The data in force; `first` is the data as first recorded. */
  data,
  first: data,
  /** The delivery that stated the data in force. */
  cause: causation_id,
  /** What other copies add, by the id of the event that records it. */
  seen: new Map(),
  isWithdrawn: false,
});

/** Applies an event about a fact. FactContradicted does not change the data in force. */
function amend(facts, { id, type, causation_id }, data) {
  const isWithdrawal = type === "FactWithdrawn";
  const fact = facts.get(isWithdrawal ? (data.amends ?? data.event_id) : data.event_id);
  if (fact === undefined) return;
  if (type === "FactSeen") fact.seen.set(id, { ...data.adds, received_at: data.received_at });
  if (type === "FactCorrected") {
    Object.assign(fact, { data: data.data, cause: causation_id, isWithdrawn: false });
  }
  if (!isWithdrawal) return;
  // It withdraws the fact itself, or an event about the fact.
  if (data.amends === undefined) fact.isWithdrawn = true;
  fact.seen.delete(data.event_id);
}

const YEAR_1971 = 31_536_000_000_000_000n;
const MINUTE = 60_000_000_000n;

/** A fact with the combined contents of all its copies. */
function understood(fact) {
  const copies = [fact.data, ...fact.seen.values()];
  const timesOf = (name) =>
    copies.flatMap((copy) => (copy[name] === undefined ? [] : time(copy[name])));
  const arrived = least(copies.map(({ received_at }) => time(received_at)));
  // Impossible times are ignored.
  const possible = timesOf("occurred_at").filter(
    (one) => one >= YEAR_1971 && one <= arrived + MINUTE,
  );
  return {
    ...fact,
    /** The value in the first copy that states it. */
    value: (name) => copies.find((copy) => copy[name] !== undefined)?.[name],
    at: agreedTime(possible),
    arrived,
    notBefore: most(timesOf("not_before")),
    /** The position from which the stream contained it, even if it was translated later. */
    heldFrom: Math.min(fact.place, Number(fact.data.delivered_at ?? fact.place)),
  };
}
