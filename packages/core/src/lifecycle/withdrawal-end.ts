import type { WithdrawalStage } from "@counterfoil/contracts/record";
import { formatMoney, moneyOf, subtract, ZERO } from "../exact/money.ts";
import {
  type AnyDatedFact,
  earliestClaims,
  factIdOf,
  latestClaims,
  SHOWS,
} from "./lifecycle-fact.ts";
import { type Bound, type Claim, type Fields, type Sums, sumIn } from "./record-fields.ts";
import {
  debitOf,
  freesHold,
  type MovementSide,
  pairedIn,
  reversalOf,
} from "./withdrawal-movement.ts";

/**
 * How a withdrawal ends. No single movement says it: a hold may be freed in parts, several holds may
 * belong to one request, and a transfer may have several legs. So the end follows from the sums of
 * all movements, and is shown by the fact that completed it.
 */

/** What a side adds to the sums of its withdrawal. */
export function sumsOf(side: MovementSide): Sums {
  const { kind, amount } = side;
  if (kind === "pending") return { held: amount };
  if (kind === "released") return { ended: amount, released: amount };
  if (kind === "confirmed") return { ended: amount };
  if (debitOf(side) !== null) return { debited: amount };
  return reversalOf(side) === null ? {} : { reversed: amount };
}

/** The claims of a movement to show its withdrawal's end. */
export function endClaims(side: MovementSide, fact: AnyDatedFact): Claim[] {
  const id = factIdOf(fact.type, fact.data);
  const idIf = (isClaimed: boolean) => (isClaimed ? id : undefined);
  const isDebit = debitOf(side) !== null;
  return [
    ...earliestClaims(fact, 0, { [SHOWS.firstDebit]: idIf(isDebit) }),
    ...latestClaims(fact, 0, {
      [SHOWS.lastDebit]: idIf(isDebit),
      [SHOWS.lastReversal]: idIf(reversalOf(side) !== null),
      [SHOWS.lastFreed]: idIf(freesHold(side)),
    }),
  ];
}

/** The claims of an amount leg of a transfer that succeeded. */
export const legEndClaims = (leg: string, fact: AnyDatedFact): Claim[] =>
  latestClaims(fact, 0, {
    [`${DONE}${leg}`]: leg,
    [SHOWS.lastLeg]: factIdOf(fact.type, fact.data),
  });

const LEG = "leg:";
const DONE = "done:";

/** The claim that shows the end, and the stage that it shows. */
type Ends = Readonly<Record<string, Readonly<{ stage: WithdrawalStage }>>>;

const [SETTLED, RETURNED] = [{ stage: "settled" }, { stage: "returned" }] as const;

export const endsOf = (fields: Fields, sums: Sums): Ends => ({
  ...legEnds(fields),
  ...movementEnds(fields, sums),
});

/** A transfer to several addresses settles when each of its amount legs succeeded. */
function legEnds(fields: Fields): Ends {
  const names = Object.keys(fields);
  const legs = names.filter((name) => name.startsWith(LEG));
  const isDone = legs.every((name) => Object.hasOwn(fields, DONE + name.slice(LEG.length)));
  return isDone ? { [SHOWS.lastLeg]: SETTLED } : {};
}

/**
 * While one part of the hold was freed and another is still held, nothing has ended. Otherwise the
 * withdrawal is settled, by its first debit if that one takes the whole hold, else by the last one. If
 * everything debited came back, or nothing was debited and the whole hold was freed, the last movement
 * that gave money back returns it.
 */
function movementEnds(fields: Fields, sums: Sums): Ends {
  const [held, ended, debited] = [
    sumIn(sums, "held"),
    sumIn(sums, "ended"),
    sumIn(sums, "debited"),
  ];
  const isHeld = ended.lessThan(held);
  if (debited.isZero()) {
    return {
      [SHOWS.lastReversal]: RETURNED,
      ...(isHeld ? {} : { [SHOWS.lastFreed]: RETURNED }),
    };
  }
  const isPartial = isHeld && ZERO.lessThan(ended) && debited.lessThan(held);
  const isOne = !moneyOf(pairedIn(fields, "debit")?.amount ?? "0").lessThan(held);
  return {
    ...(isPartial ? {} : { [isOne ? SHOWS.firstDebit : SHOWS.lastDebit]: SETTLED }),
    ...(sumIn(sums, "reversed").lessThan(debited) ? {} : { [SHOWS.lastReversal]: RETURNED }),
  };
}

/** What was taken: the debits less what came back of them; null if no debit is known. */
export function settledAmount(sums: Sums): string | null {
  const debited = sumIn(sums, "debited");
  if (debited.isZero()) return null;
  const settled = subtract(debited, sumIn(sums, "reversed"));
  return formatMoney(settled.isNegative() ? ZERO : settled);
}

/**
 * The amount of a withdrawal by its movements: what was held and not released again, so that a
 * withdrawal that was retried counts once; null if they do not say it.
 */
export function movedAmount(sums: Sums): string | null {
  const [held, debited] = [sumIn(sums, "held"), sumIn(sums, "debited")];
  const kept = subtract(held, sumIn(sums, "released"));
  if (ZERO.lessThan(kept)) return formatMoney(kept);
  const isDebitAlone = held.isZero() && sumIn(sums, "ended").isZero() && !debited.isZero();
  return isDebitAlone ? formatMoney(debited) : null;
}

/** No more can be freed or debited than was held, nor come back than was debited. */
export const WITHDRAWAL_BOUNDS: readonly Bound[] = [
  ["ended", "held"],
  ["debited", "held"],
  ["reversed", "debited"],
];
