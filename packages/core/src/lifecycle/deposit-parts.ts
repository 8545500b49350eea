import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos } from "../exact/time.ts";
import type { DepositPart } from "./deposit.ts";

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

/** More that are equal in everything, the transaction included, are not told apart. */
export const EQUAL_PARTS_MAX = 64;

/**
 * Parts of one class, in order of time: each movement takes the nearest free status and the nearest
 * free fund event, the earlier of two as near. A reversal takes the last free movement before it.
 * What is left of statuses and fund events joins in the same way.
 */
export function joinParts<Item>(parts: readonly ClassPart<Item>[]): Joined<Item> {
  if (parts.length > EQUAL_PARTS_MAX) return [];
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
