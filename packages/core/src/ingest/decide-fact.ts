import {
  type DataOf,
  MOVEMENT_REFERENCES,
  type ProviderFact,
  type ProviderFactType,
} from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "../exact/json.ts";
import { isTruncationOf, timeOf } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import {
  contradictedEvent,
  correctedEvent,
  type DeliveryCause,
  providerEvent,
  providerEventId,
  restatedEvent,
  seenEvent,
} from "./event.ts";
import {
  accountIdsOf,
  type FactData,
  type FactState,
  firstArrivalOf,
  inForce,
  type KnownFacts,
  notBeforeOf,
  noteEvent,
  timesOf,
} from "./fact-state.ts";
import { STATED_AGAIN_AFTER } from "./feed-session.ts";

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

/**
 * What a second copy of a fact says beside the first. `value`: it adds what was unknown and
 * contradicts what was otherwise. `time`: a finer or another time adds. `member`: a further id of
 * the account adds. `latest`: a later one adds,
 * and `order` what goes with it.
 */
type Comparison = "value" | "time" | "member" | "latest" | "order";

const STATUS = { occurred_at: "time" } as const;

const COMPARED: Readonly<Record<ProviderFactType, Readonly<Record<string, Comparison>>>> = {
  RunRecorded: { run_type: "value", occurred_at: "time" },
  MovementRecorded: {
    change: "value",
    movement_type: "value",
    run_id: "value",
    run_type: "value",
    occurred_at: "time",
    account_id: "member",
    ...Object.fromEntries(MOVEMENT_REFERENCES.map((name) => [name, "value" as const])),
  },
  BalanceReported: {
    balance: "value",
    run_type: "value",
    occurred_at: "time",
    account_id: "member",
    not_before: "latest",
    follows: "order",
  },
  FundsReported: { balance: "value", change: "value" },
  DepositStatusReported: STATUS,
  WithdrawalStatusReported: STATUS,
  PaymentStatusReported: STATUS,
  FundReported: STATUS,
  TradeStatusReported: STATUS,
  NotificationRecorded: STATUS,
};

export type Difference = Readonly<{ adds: FactData | null; contradicts: FactData | null }>;

/** What `copy` says that is not in force already. */
export function compareCopy(known: FactState, copy: ProviderFact): Difference {
  const adds: Record<string, unknown> = {};
  const contradicts: Record<string, unknown> = {};
  const present = inForce(known);
  const data = isStatedAgain(known, copy) ? withoutOrder(copy) : (copy.data as FactData);
  for (const [field, comparison] of Object.entries(COMPARED[copy.type])) {
    const stated = data[field];
    if (stated === undefined) continue;
    if (comparison === "value" && present[field] !== undefined) {
      if (present[field] !== stated) contradicts[field] = stated;
    } else if (comparison === "order") {
      if (adds.not_before !== undefined) adds[field] = stated;
    } else if (comparison === "value" || !ALREADY[comparison](known, stated)) {
      adds[field] = stated;
    }
  }
  return { adds: orNull(adds), contradicts: orNull(contradicts) };
}

const ALREADY: Readonly<
  Record<Exclude<Comparison, "value" | "order">, (known: FactState, stated: unknown) => boolean>
> = {
  time: (known, stated) => {
    const time = timeOf(String(stated));
    return timesOf(known).some((other) => other === time || isTruncationOf(time, other));
  },
  member: (known, stated) => accountIdsOf(known).includes(String(stated)),
  latest: (known, stated) => {
    const time = notBeforeOf(known);
    return time !== null && time >= timeOf(String(stated));
  },
};

/** What a socket states long after others did is stated again, and says nothing of the order. */
function isStatedAgain(known: FactState, { data }: ProviderFact): boolean {
  if (!("not_before" in data) || data.not_before === undefined) return false;
  return timeOf(data.received_at) - firstArrivalOf(known) > STATED_AGAIN_AFTER;
}

const withoutOrder = ({ data }: ProviderFact): FactData => ({
  ...data,
  not_before: undefined,
  follows: undefined,
});

const orNull = (object: Record<string, unknown>): FactData | null =>
  Object.keys(object).length === 0 ? null : object;
