/** A list whose growth a test can wait for, instead of polling. */
export type WatchedList<T> = Readonly<{
  add: (item: T) => void;
  all: () => readonly T[];
  /** Resolves with the items once the condition holds, now or after a later item. */
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
