import {
  MOVEMENT_REFERENCES,
  type ProviderFact,
  type ProviderFactType,
} from "@counterfoil/contracts/fact";
import { isTruncationOf, timeOf } from "../exact/time.ts";
import {
  accountIdsOf,
  type FactData,
  type FactState,
  inForce,
  type Place,
  placesOf,
  timesOf,
} from "./fact-state.ts";

/**
 * What a second copy of a fact says beside the first. `value`: it adds what was unknown and
 * contradicts what was otherwise. `time`: a finer or another time adds. `member`: a further id of
 * the account adds. `place`: its frame on a connection adds.
 */
type Comparison = "value" | "time" | "member" | "place";

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
    place: "place",
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
  const data = copy.data as FactData;
  for (const [field, comparison] of Object.entries(COMPARED[copy.type])) {
    const stated = data[field];
    if (stated === undefined) continue;
    if (comparison === "value" && present[field] !== undefined) {
      if (present[field] !== stated) contradicts[field] = stated;
    } else if (comparison === "value" || !ALREADY[comparison](known, stated)) {
      adds[field] = stated;
    }
  }
  return { adds: orNull(adds), contradicts: orNull(contradicts) };
}

const ALREADY: Readonly<
  Record<Exclude<Comparison, "value">, (known: FactState, stated: unknown) => boolean>
> = {
  time: (known, stated) => {
    const time = timeOf(String(stated));
    return timesOf(known).some((other) => other === time || isTruncationOf(time, other));
  },
  member: (known, stated) => accountIdsOf(known).includes(String(stated)),
  place: (known, stated) => {
    const { connection, frame } = stated as Place;
    const isThere = (place: Place) => place.connection === connection && place.frame === frame;
    return placesOf(known).some(isThere);
  },
};

const orNull = (object: Record<string, unknown>): FactData | null =>
  Object.keys(object).length === 0 ? null : object;
