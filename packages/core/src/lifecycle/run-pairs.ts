import { compareAmounts } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";

/** A confirmation or a debit of one run that has no stated partner. */
export type Unpaired<Item> = Readonly<{
  item: Item;
  amount: string;
  /** Orders those of one amount. */
  order: string;
  /** The request that it names. */
  request: string | null;
}>;

/**
 * Confirmations and debits of one run: equal amounts first, then both by falling amount, since a
 * debit may be smaller than the hold by the fees. Two that name different requests never join.
 */
export function pairByAmount<Item>(
  confirmations: readonly Unpaired<Item>[],
  debits: readonly Unpaired<Item>[],
): readonly (readonly [confirmation: Item, debit: Item])[] {
  const pairs: (readonly [Item, Item])[] = [];
  const free = new Set([...debits].sort(byFallingAmount));
  const byAmount = Map.groupBy(free, ({ amount }) => amount);
  const take = (confirmation: Unpaired<Item>, debit: Unpaired<Item>) => {
    free.delete(debit);
    pairs.push([confirmation.item, debit.item]);
  };
  const left: Unpaired<Item>[] = [];
  for (const confirmation of [...confirmations].sort(byFallingAmount)) {
    const equal = byAmount.get(confirmation.amount) ?? [];
    const at = equal.findIndex((debit) => agree(confirmation, debit));
    const [debit] = at < 0 ? [] : equal.splice(at, 1);
    if (debit === undefined) left.push(confirmation);
    else take(confirmation, debit);
  }
  for (const confirmation of left) {
    for (const debit of free) {
      if (compareAmounts(debit.amount, confirmation.amount) > 0) continue;
      if (!agree(confirmation, debit)) continue;
      take(confirmation, debit);
      break;
    }
  }
  return pairs;
}

type Any = Unpaired<unknown>;

const agree = (a: Any, b: Any): boolean =>
  a.request === null || b.request === null || a.request === b.request;

const byFallingAmount = (a: Any, b: Any): number =>
  compareAmounts(b.amount, a.amount) || compareText(a.order, b.order);
