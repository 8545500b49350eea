import type { WithdrawalStage } from "@counterfoil/contracts/record";
import { add, formatMoney, type Money, moneyOf, subtract, ZERO } from "../exact/money.ts";
import {
  type AnyDatedFact,
  earliestClaims,
  factIdOf,
  latestClaims,
  SHOWS,
} from "./lifecycle-fact.ts";
import {
  type Claim,
  type Contradiction,
  excessesIn,
  type Fields,
  netOf,
  type Sums,
  sumIn,
  valueIn,
} from "./record-fields.ts";
import { debitOf, freesHold, type MovementSide, reversalOf } from "./withdrawal-movement.ts";

/**
 * How a withdrawal ends. No single movement says it: a hold may be freed in parts, several holds may
 * belong to one request, and a transfer may have several legs. So the end follows from the sums of
 * all movements, and is shown by the fact that completed it.
 */

/** What a side adds to the sums of its withdrawal. */
export function sumsOf(side: MovementSide): Sums {
  const { kind, amount } = side;
  if (kind === "pending") return { held: amount };
  if (kind === "released") return { released: amount };
  // Known on the collateral account alone, it was taken: a debit of the available one is not known.
  if (kind === "confirmed")
    return { confirmed: amount, ...(freesHold(side) ? {} : { taken: amount }) };
  if (debitOf(side) !== null) return { debited: amount };
  if (kind === "debit") return { debited_elsewhere: amount };
  return reversalOf(side) === null ? {} : { reversed: amount };
}

/** The claims of a movement to show its withdrawal's end. */
export function endClaims(side: MovementSide, fact: AnyDatedFact): Claim[] {
  const id = factIdOf(fact.type, fact.data);
  const idIf = (isClaimed: boolean) => (isClaimed ? id : undefined);
  const isDebit = debitOf(side) !== null;
  return [
    ...earliestClaims(fact, 0, {
      [SHOWS.firstDebit]: idIf(isDebit),
      [FIRST_DEBIT]: isDebit ? side.amount : undefined,
    }),
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

const FIRST_DEBIT = "first_debit";
const LEG = "leg:";
const DONE = "done:";

/** The claim that shows the end, and the stage that it shows. */
type Ends = Readonly<Record<string, Readonly<{ stage: WithdrawalStage }>>>;

const [SETTLED, RETURNED] = [{ stage: "settled" }, { stage: "returned" }] as const;

/** @param awaiting the amount of a confirmation whose run is not reported, so that its debit may come */
export const endsOf = (fields: Fields, sums: Sums, awaiting: string): Ends => ({
  ...legEnds(fields),
  ...movementEnds(fields, sums, moneyOf(awaiting)),
});

/** A transfer to several addresses settles when each of its amount legs succeeded. */
function legEnds(fields: Fields): Ends {
  const names = Object.keys(fields);
  const legs = names.filter((name) => name.startsWith(LEG));
  const isDone = legs.every((name) => Object.hasOwn(fields, DONE + name.slice(LEG.length)));
  return isDone ? { [SHOWS.lastLeg]: SETTLED } : {};
}

/**
 * Nothing has ended while a part of the hold is still held, or while a confirmation's debit may still
 * come. Then a debit settles the withdrawal: the first one if it takes the whole hold, else the last.
 * If everything debited came back, or nothing was debited, the last movement that gave money back
 * returns it.
 */
function movementEnds(fields: Fields, sums: Sums, awaiting: Money): Ends {
  if (isStillHeld(sums) || mayBeDebited(sums, awaiting)) return {};
  const [held, debited] = [sumIn(sums, "held"), sumIn(sums, "debited")];
  const back = { [lastBack(fields)]: RETURNED };
  if (debited.isZero()) return back;
  const isOne = !moneyOf(valueIn(fields, FIRST_DEBIT) ?? "0").lessThan(held);
  return {
    [isOne ? SHOWS.firstDebit : SHOWS.lastDebit]: SETTLED,
    ...(sumIn(sums, "reversed").lessThan(debited) ? {} : back),
  };
}

/** The claim of the last movement that gave money back: of claims by time, the smaller order is later. */
function lastBack(fields: Fields): string {
  const [reversal, freed] = [fields[SHOWS.lastReversal]?.[0], fields[SHOWS.lastFreed]?.[0]];
  const isFreed = reversal === undefined || (freed !== undefined && freed < reversal);
  return isFreed ? SHOWS.lastFreed : SHOWS.lastReversal;
}

/**
 * A confirmation, its debit, and what comes back of that are the same money. A debit without any
 * confirmation takes the rest of the hold: it may be smaller by its fees.
 */
function isStillHeld(sums: Sums): boolean {
  const [confirmed, debited] = [sumIn(sums, "confirmed"), sumIn(sums, "debited")];
  if (confirmed.isZero() && !debited.isZero()) return false;
  const used = greatest(confirmed, debited, sumIn(sums, "reversed"));
  return add(sumIn(sums, "released"), used).lessThan(sumIn(sums, "held"));
}

/** Whether confirmations that were taken, or are not reported yet, have no debit. */
function mayBeDebited(sums: Sums, awaiting: Money): boolean {
  const open = add(sumIn(sums, "taken"), awaiting);
  const undebited = subtract(sumIn(sums, "confirmed"), sumIn(sums, "debited"));
  return !open.isZero() && !undebited.lessThan(open);
}

/** The claim of the last status that states an end: the end's stage. */
export const STATED_END = "stated_end";

/**
 * Whether an ended withdrawal waits for a movement: money is still held, or its status says the
 * contrary of what was debited. Statuses come before the movements that they announce, so this is
 * wrong only if it lasts. A debit of another account than the available one leaves open what was taken.
 */
export function isUnfinished(stage: string, fields: Fields, sums: Sums): boolean {
  const debited = sumIn(sums, "debited");
  if (!sumIn(sums, "debited_elsewhere").isZero()) return false;
  if (isStillHeld(sums)) return true;
  if (stage === "settled") return false;
  if (!debited.isZero()) return sumIn(sums, "reversed").lessThan(debited);
  const isGivenBack = fields[SHOWS.lastFreed] !== undefined;
  return isGivenBack && valueIn(fields, STATED_END) === "settled";
}

const greatest = (...amounts: readonly Money[]): Money =>
  amounts.reduce((a, b) => (a.lessThan(b) ? b : a));

/** What was taken: the debits less what came back of them; null if no debit is known. */
export const settledAmount = (sums: Sums): string | null => netOf(sums, "debited", "reversed");

/**
 * The amount of a withdrawal by its movements; null if they do not say it. Holds add up. If no less
 * than the first of them came back, and more was held than that, it was tried again: then what came
 * back does not count.
 *
 * @param first the amount of the first hold
 */
export function movedAmount(sums: Sums, first: string | null): string | null {
  const [held, confirmed] = [sumIn(sums, "held"), sumIn(sums, "confirmed")];
  const debited = sumIn(sums, "debited");
  const known = [held, confirmed, debited].find((sum) => !sum.isZero());
  if (known === undefined) return null;
  if (held.isZero() || first === null) return formatMoney(known);
  const undebited = greatest(ZERO, subtract(confirmed, debited));
  const back = [sumIn(sums, "released"), undebited, sumIn(sums, "reversed")].reduce(add);
  if (back.lessThan(moneyOf(first))) return formatMoney(held);
  return back.lessThan(held) ? formatMoney(subtract(held, back)) : first;
}

/** The amount that a payment states, as far as it is to be held. */
export const SENT = "sent";

/** No more can be freed, debited or sent than was held, nor come back than was debited. */
export function contradictionsIn(sums: Sums): readonly Contradiction[] {
  const freed = add(sumIn(sums, "released"), sumIn(sums, "confirmed"));
  const settled = settledAmount(sums);
  const compared = { ...sums, freed: formatMoney(freed), debited: settled ?? "0" };
  return [
    ...excessesIn(compared, [
      ["freed", "held"],
      ["debited", "held"],
      [SENT, "held"],
    ]),
    ...excessesIn(sums, [["reversed", "debited"]]),
  ];
}
