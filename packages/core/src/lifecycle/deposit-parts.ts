import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos } from "../exact/time.ts";

/** Which part of a deposit a fact tells of. */
export type DepositPart = "status" | "movement" | "reversal" | "fund";

/** A status, a movement, a fund event or a reversal of one class. */
export type ClassPart<Item> = Readonly<{
  item: Item;
  part: DepositPart;
  at: Nanos;
  tie: string;
  /** null where it says none. */
  network: string | null;
}>;

export type Joined<Item> = readonly (readonly [a: Item, b: Item])[];

/**
 * Parts of one class, in order of time: each movement takes the nearest free status and the nearest
 * free fund event, the earlier of two as near. A reversal takes the last free movement before it.
 * What is left of statuses and fund events joins in the same way.
 */
export function joinParts<Item>(parts: readonly ClassPart<Item>[]): Joined<Item> {
  const pairs: (readonly [Item, Item])[] = [];
  const of = (part: DepositPart) => new Set(parts.filter((one) => one.part === part).sort(byTime));
  const [statuses, movements, funds] = [of("status"), of("movement"), of("fund")];
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
  for (const reversal of of("reversal")) {
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

const agree = (a: Any, b: Any): boolean =>
  a.network === null || b.network === null || a.network === b.network;

const byTime = (a: Any, b: Any): number => compareTimes(a.at, b.at) || compareText(a.tie, b.tie);

/**
 * How many equal parts are joined by time. Each that comes among more may move all that are joined
 * already, so more are joined by lot.
 */
export const BY_TIME_MAX = 64;

/**
 * How many bits of a part's number say which lot of a round it is in. In each round those in a lot
 * are pairs as far as they go, and the others go to the next one. There are fewer lots as fewer are
 * left, so that a lot holds a few, whether a hundred parts are equal or a hundred thousand.
 */
const ROUND_BITS = [14n, 12n, 10n, 8n, 6n, 4n, 2n, 0n];

/** The lots of a part, one a round. @param number 64 bits that nothing explains */
export function lotsOf(number: bigint): readonly bigint[] {
  let rest = number;
  return ROUND_BITS.map((bits) => {
    const lot = rest & ((1n << bits) - 1n);
    rest >>= bits;
    return lot;
  });
}

/** What one who comes to a lot, or leaves it, finds there: on his side, and on the other one. */
type Lot<Item> = Readonly<{
  /** Those who are pairs: the first of one side with the first of the other, and so on. */
  own: readonly Item[];
  other: readonly Item[];
  /** Who is left over behind them: the first one. At least one side has none. */
  freeOwn: Item | null;
  freeOther: Item | null;
}>;

/**
 * Those who are pairs in a lot afterwards, and who comes to the next round by it, or leaves it. That
 * is always one: so one more part moves a few in each round, and no more.
 */
export function dealtAnew<Item>(
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
