import { moneyOf, subtract } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos } from "../exact/time.ts";

/** The part of a deposit that a fact describes. */
export type DepositPart = "status" | "movement" | "reversal" | "fund";

/**
 * A part whose holder, asset and transaction equal those of others, so that nothing states which of
 * them are one deposit.
 */
export type ClassPart<Item> = Readonly<{
  item: Item;
  part: DepositPart;
  at: Nanos;
  tie: string;
  amount: string;
  /** null if the fact states none. */
  network: string | null;
  /** The account's group, which every movement has. */
  group: string | null;
}>;

export type Joined<Item> = Readonly<{
  a: Item;
  b: Item;
  /** Whether other parts are equal, so that they could be paired in another way. */
  isInferred: boolean;
  /** Whether a deposit is taken back in part. */
  isPartial: boolean;
}>;

/**
 * Pairs the parts of one class in order of time. Each movement takes the nearest free status and the
 * nearest free fund event, the earlier one of two at the same distance. The remaining fund events take
 * the remaining statuses in the same way. A reversal takes the last free movement before it; if that
 * one has a status, a later movement without one books the same deposit again, as after a retry. A
 * reversal of another amount takes back a part of the last movement before it that has enough left, else of the
 * last one.
 */
export function joinParts<Item>(parts: readonly ClassPart<Item>[]): readonly Joined<Item>[] {
  type Part = ClassPart<Item>;
  const pairs: Joined<Item>[] = [];
  const isEqual = equalsIn(parts);
  const sortedOf = (part: DepositPart) =>
    new Set(parts.filter((one) => one.part === part).sort(byTime));
  const [statuses, movements, funds] = [sortedOf("status"), sortedOf("movement"), sortedOf("fund")];
  const join = (a: Part, b: Part, isInferred = isEqual(a)) =>
    pairs.push({ a: a.item, b: b.item, isInferred, isPartial: a.amount !== b.amount });
  const joinNearest = (taker: Part, free: Set<Part>): boolean => {
    const nearest = nearestOf(taker, free);
    if (nearest === null) return false;
    free.delete(nearest);
    join(taker, nearest);
    return true;
  };
  const reported = new Set<Part>();
  for (const movement of movements) {
    if (joinNearest(movement, statuses)) reported.add(movement);
    joinNearest(movement, funds);
  }
  for (const fund of funds) joinNearest(fund, statuses);
  const partial: Part[] = [];
  for (const reversal of sortedOf("reversal")) {
    const before = [...movements].findLast((one) => one.at <= reversal.at && agree(one, reversal));
    if (before === undefined) {
      partial.push(reversal);
      continue;
    }
    movements.delete(before);
    join(reversal, before);
    if (!reported.has(before)) continue;
    const isAgain = (one: Part) => !reported.has(one) && one.at >= reversal.at;
    const again = [...movements].find((one) => isAgain(one) && agree(one, reversal));
    if (again === undefined) continue;
    reported.add(again);
    join(again, reversal, true);
  }
  const left = new Map([...movements].map((one) => [one, moneyOf(one.amount)]));
  for (const reversal of partial) {
    const amount = moneyOf(reversal.amount);
    const before = [...left].filter(([one]) => one.at <= reversal.at && isSamePlace(one, reversal));
    const enough = before.findLast(([, rest]) => amount.lessThanOrEqualTo(rest));
    const [movement, rest] = enough ?? before.at(-1) ?? [];
    if (movement === undefined || rest === undefined) continue;
    left.set(movement, subtract(rest, amount));
    join(reversal, movement, true);
  }
  return pairs;
}

/** Whether there are other parts of the same kind and amount. */
function equalsIn<Item>(parts: readonly ClassPart<Item>[]) {
  const byAmount = Map.groupBy(parts, ({ amount }) => amount);
  return ({ amount }: ClassPart<Item>): boolean => {
    const equal = byAmount.get(amount) ?? [];
    return equal.length > new Set(equal.map(({ part }) => part)).size;
  };
}

function nearestOf<Item>(
  taker: ClassPart<Item>,
  free: ReadonlySet<ClassPart<Item>>,
): ClassPart<Item> | null {
  let nearest: ClassPart<Item> | null = null;
  for (const one of free) {
    if (!agree(taker, one)) continue;
    if (nearest === null || distance(taker, one) < distance(taker, nearest)) nearest = one;
  }
  return nearest;
}

type Any = ClassPart<unknown>;

const distance = (a: Any, b: Any): Nanos => (a.at < b.at ? b.at - a.at : a.at - b.at);

const agree = (a: Any, b: Any): boolean => a.amount === b.amount && isSamePlace(a, b);

/** Of two groups of one participant, a movement of one is no part of a deposit of the other. */
const isSamePlace = (a: Any, b: Any): boolean =>
  areSame(a.network, b.network) && areSame(a.group, b.group);

const areSame = (a: string | null, b: string | null): boolean =>
  a === null || b === null || a === b;

const byTime = (a: Any, b: Any): number => compareTimes(a.at, b.at) || compareText(a.tie, b.tie);

/**
 * The most equal parts that are joined by time. One more part may change all of their pairs, so a
 * greater number is joined by lot.
 */
export const BY_TIME_MAX = 64;

/**
 * How many bits of a part's number select its lot in each round. Within a lot the parts of both
 * sides are paired; unpaired parts continue to the next round, which has fewer lots. So a lot holds
 * a few parts, whether a hundred of them are equal or a hundred thousand.
 */
const ROUND_BITS = [14n, 12n, 10n, 8n, 6n, 4n, 2n, 0n];

/**
 * The lot of a part in each round.
 *
 * @param number 64 uniformly distributed bits, such as of a hash
 */
export function lotsOf(number: bigint): readonly bigint[] {
  let rest = number;
  return ROUND_BITS.map((bits) => {
    const lot = rest & ((1n << bits) - 1n);
    rest >>= bits;
    return lot;
  });
}

/** A lot as seen from one of its two sides. */
type Lot<Item> = Readonly<{
  /** The paired parts: the first of one side with the first of the other, and so on. */
  own: readonly Item[];
  other: readonly Item[];
  /** The first unpaired part of each side. At least one side has none. */
  freeOwn: Item | null;
  freeOther: Item | null;
}>;

/**
 * Adds a part to a lot, or removes it.
 *
 * @returns the paired parts afterwards, and the one part that enters or leaves the next round because
 *   of it. Always exactly one moves, so a change costs a few steps in each round.
 */
export function updateLot<Item>(
  { own, other, freeOwn, freeOther }: Lot<Item>,
  { item, comes }: Readonly<{ item: Item; comes: boolean }>,
  compare: (a: Item, b: Item) => number,
) {
  const isPaired = own.some((one) => compare(one, item) === 0);
  if (!comes && !isPaired) return { own, other, moved: { item, comes, isOther: false } };
  const changed = comes
    ? [...own, item].sort(compare)
    : own.filter((one) => compare(one, item) !== 0);
  const next = comes ? freeOther : freeOwn;
  const [pairedOwn, pairedOther] = [changed.slice(), other.slice()];
  if (next !== null) {
    (comes ? pairedOther : pairedOwn).push(next);
    return {
      own: pairedOwn,
      other: pairedOther,
      moved: { item: next, comes: false, isOther: comes },
    };
  }
  const last = (comes ? pairedOwn : pairedOther).pop() as Item;
  return {
    own: pairedOwn,
    other: pairedOther,
    moved: { item: last, comes: true, isOther: !comes },
  };
}
