/** The first index of a sorted list from which on all items match, by bisection; its length if none does. */
export function firstWhere<Item>(items: readonly Item[], matches: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (matches(items[middle] as Item)) high = middle;
    else low = middle + 1;
  }
  return low;
}
