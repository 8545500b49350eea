/** A list that grows, and that can be waited on, so that no test has to sleep and look again. */
export type WatchedList<T> = Readonly<{
  add: (item: T) => void;
  all: () => readonly T[];
  /** Resolves with the items once the condition holds of them, now or after some later item. */
  when: (holds: (items: readonly T[]) => boolean) => Promise<readonly T[]>;
}>;

export function createWatchedList<T>(): WatchedList<T> {
  const items: T[] = [];
  const watchers = new Set<() => void>();
  return {
    all: () => items,
    add(item) {
      items.push(item);
      for (const look of [...watchers]) look();
    },
    when: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds(items)) return;
          watchers.delete(look);
          resolve(items);
        };
        watchers.add(look);
        look();
      }),
  };
}
