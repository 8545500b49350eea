import { compareAmounts, type Money, moneyOf, subtract, ZERO } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos, SECOND } from "../exact/time.ts";

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

type Joined<Item> = Readonly<{
  a: Item;
  b: Item;
  /** Whether other parts are equal, so that they could be paired in another way. */
  isInferred: boolean;
  /** Whether a deposit is taken back in part. */
  isPartial: boolean;
}>;

/**
 * Pairs the parts of one class. In order of time each movement takes the nearest free status and the
 * nearest free fund event, the earlier one of two at the same distance; the remaining fund events take
 * the remaining statuses in the same way. Reversals take movements, see `joinReversals`.
 */
export function joinParts<Item>(parts: readonly ClassPart<Item>[]): readonly Joined<Item>[] {
  const pairs: Joined<Item>[] = [];
  const isEqual = equalsIn(parts);
  const sortedOf = (part: DepositPart) => parts.filter((one) => one.part === part).sort(byTime);
  const [statuses, funds] = [new Set(sortedOf("status")), new Set(sortedOf("fund"))];
  const movements = sortedOf("movement");
  const join: Join<Item> = (a, b, isInferred = isEqual(a)) => {
    pairs.push({ a: a.item, b: b.item, isInferred, isPartial: a.amount !== b.amount });
  };
  const joinNearest = (taker: ClassPart<Item>, free: Set<ClassPart<Item>>): boolean => {
    const nearest = nearestOf(taker, free);
    if (nearest === null) return false;
    free.delete(nearest);
    join(taker, nearest);
    return true;
  };
  const reported = new Set<ClassPart<Item>>();
  for (const movement of movements) {
    if (joinNearest(movement, statuses)) reported.add(movement);
    joinNearest(movement, funds);
  }
  for (const fund of funds) joinNearest(fund, statuses);
  joinReversals({ movements, reversals: sortedOf("reversal"), reported, join });
  return pairs;
}

type Join<Item> = (a: ClassPart<Item>, b: ClassPart<Item>, isInferred?: boolean) => void;

type Reversing<Item> = Readonly<{
  movements: readonly ClassPart<Item>[];
  reversals: readonly ClassPart<Item>[];
  /** The movements that have a status. */
  reported: ReadonlySet<ClassPart<Item>>;
  join: Join<Item>;
}>;

/**
 * A reversal takes the last movement before it that has its whole amount left. One that finds none
 * takes a part, the greatest first, see `movementForPart`. If a movement with a status has nothing
 * left, a later one without a status books the same deposit again, as after a retry.
 */
function joinReversals<Item>({ movements, reversals, reported, join }: Reversing<Item>): void {
  const undone: Undone<Item> = new Map(
    movements.map((one) => [one, { left: moneyOf(one.amount), at: null }]),
  );
  const take = (reversal: ClassPart<Item>, one: ClassPart<Item>, isInferred?: boolean) => {
    const { left, at } = undoneIn(undone, one);
    const last = at === null || at < reversal.at ? reversal.at : at;
    undone.set(one, { left: subtract(left, moneyOf(reversal.amount)), at: last });
    join(reversal, one, isInferred);
  };
  const inPart: ClassPart<Item>[] = [];
  for (const reversal of reversals) {
    const isWhole = (one: ClassPart<Item>) =>
      undoneIn(undone, one).at === null && agree(one, reversal);
    const { before, soonAfter } = around(reversal, movements);
    const whole = before.findLast(isWhole) ?? soonAfter.find(isWhole);
    if (whole === undefined) inPart.push(reversal);
    else take(reversal, whole);
  }
  for (const reversal of inPart.sort(byFallingAmount)) {
    const movement = movementForPart(reversal, movements, undone);
    if (movement !== undefined) take(reversal, movement, true);
  }
  joinRebookings({ movements, reported, join }, undone);
}

/** What is left of each movement, and when something was last taken from it. */
type Undone<Item> = Map<ClassPart<Item>, Readonly<{ left: Money; at: Nanos | null }>>;

const undoneIn = <Item>(undone: Undone<Item>, one: ClassPart<Item>) =>
  undone.get(one) ?? { left: ZERO, at: null };

/** The movements up to a reversal, and soon after it: providers print some times in whole seconds. */
const around = <Item>({ at }: ClassPart<Item>, movements: readonly ClassPart<Item>[]) => ({
  before: movements.filter((one) => one.at <= at),
  soonAfter: movements.filter((one) => one.at > at && one.at < at + SECOND),
});

/**
 * The movement with the least left that is enough, else the last one, which is then taken back by
 * more than was booked.
 */
function movementForPart<Item>(
  reversal: ClassPart<Item>,
  movements: readonly ClassPart<Item>[],
  undone: Undone<Item>,
): ClassPart<Item> | undefined {
  const there = movements.filter((one) => isSamePlace(one, reversal));
  const { before, soonAfter } = around(reversal, there);
  const possible = before.length > 0 ? before : soonAfter;
  const leftOf = (one: ClassPart<Item>) => undoneIn(undone, one).left;
  const enough = possible.filter((one) => !leftOf(one).lessThan(moneyOf(reversal.amount)));
  const [least] = enough.toSorted((a, b) => leftOf(a).comparedTo(leftOf(b)));
  return least ?? possible.at(-1);
}

function joinRebookings<Item>(
  { movements, reported, join }: Omit<Reversing<Item>, "reversals">,
  undone: Undone<Item>,
): void {
  const free = new Set(movements.filter((one) => !reported.has(one)));
  const known = new Set(reported);
  for (const one of movements) {
    const { left, at } = undoneIn(undone, one);
    if (!known.has(one) || at === null || ZERO.lessThan(left)) continue;
    const again = [...free].find((other) => other.at >= at && agree(other, one));
    if (again === undefined) continue;
    free.delete(again);
    known.add(again);
    join(again, one, true);
  }
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

const byFallingAmount = (a: Any, b: Any): number =>
  compareAmounts(b.amount, a.amount) || byTime(a, b);

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
