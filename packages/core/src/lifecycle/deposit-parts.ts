import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos } from "../exact/time.ts";

/** The part of a deposit that a fact describes. */
export type DepositPart = "status" | "movement" | "reversal" | "fund";

/**
 * A part whose class equals that of others, so that nothing states which of them are one deposit.
 */
export type ClassPart<Item> = Readonly<{
  item: Item;
  part: DepositPart;
  at: Nanos;
  tie: string;
  /** null if the fact states none. */
  network: string | null;
  /** The account's group, which every movement has. */
  group: string | null;
}>;

export type Joined<Item> = readonly (readonly [a: Item, b: Item])[];

/**
 * Pairs the parts of one class in order of time. Each movement takes the nearest free status and the
 * nearest free fund event, the earlier one of two at the same distance. A reversal takes the last
 * free movement before it. The remaining fund events take the remaining statuses in the same way.
 */
export function joinParts<Item>(parts: readonly ClassPart<Item>[]): Joined<Item> {
  const pairs: (readonly [Item, Item])[] = [];
  const sortedOf = (part: DepositPart) =>
    new Set(parts.filter((one) => one.part === part).sort(byTime));
  const [statuses, movements, funds] = [sortedOf("status"), sortedOf("movement"), sortedOf("fund")];
  const joinNearest = (taker: ClassPart<Item>, free: Set<ClassPart<Item>>): boolean => {
    const nearest = nearestOf(taker, free);
    if (nearest === null) return false;
    free.delete(nearest);
    pairs.push([taker.item, nearest.item]);
    return true;
  };
  for (const movement of movements) {
    joinNearest(movement, statuses);
    joinNearest(movement, funds);
  }
  for (const fund of funds) joinNearest(fund, statuses);
  for (const reversal of sortedOf("reversal")) {
    const before = [...movements].findLast((one) => one.at <= reversal.at && agree(one, reversal));
    if (before === undefined) continue;
    movements.delete(before);
    pairs.push([reversal.item, before.item]);
  }
  return pairs;
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

/** Of two groups of one participant, a movement of one is no part of a deposit of the other. */
const agree = (a: Any, b: Any): boolean =>
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
