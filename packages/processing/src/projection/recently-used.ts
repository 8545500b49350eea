/** Values in memory by id, each as of the last event that changed it. */
export type RecentlyUsed<Value> = Readonly<{
  /** undefined if it is not loaded. */
  find(id: string): Value | undefined;
  load(id: string): Promise<Value>;
  /** Adds to the length of the text written for a value; long ones are dropped by the next `evict`. */
  addLength(id: string, length: number): void;
  /** Ends a commit: drops what is over the limits. All changes must be written already. */
  evict(): void;
}>;

type Limits = Readonly<{
  /** Number of values that are kept; beyond that, the least recently used are dropped. */
  kept: number;
  /** Of these, values that only one commit has used: a large delivery uses many, each once. */
  usedOnceKept: number;
  /** Length of a value's written text beyond which it is dropped and loaded again. */
  lengthMax: number;
}>;

export function createRecentlyUsed<Value>(
  open: (id: string) => Promise<Value>,
  { kept, usedOnceKept, lengthMax }: Limits,
): RecentlyUsed<Value> {
  /** Least recently used first. */
  const loaded = new Map<string, Value>();
  /** Loaded since the last commit, and those before it that no later commit has used. */
  const added = new Set<string>();
  const usedOnce = new Set<string>();
  /** Length of the text written since a value was loaded, by id. */
  const lengths = new Map<string, number>();
  /** Those that are over the limit: a commit must not look at every value. */
  const long = new Set<string>();

  function drop(id: string): void {
    loaded.delete(id);
    lengths.delete(id);
    usedOnce.delete(id);
  }

  function find(id: string): Value | undefined {
    const known = loaded.get(id);
    usedOnce.delete(id);
    if (known === undefined || loaded.size <= kept / 2) return known;
    loaded.delete(id);
    loaded.set(id, known);
    return known;
  }

  return {
    find,
    async load(id) {
      const known = find(id);
      if (known !== undefined) return known;
      const opened = await open(id);
      loaded.set(id, opened);
      added.add(id);
      return opened;
    },
    addLength(id, length) {
      const all = (lengths.get(id) ?? 0) + length;
      lengths.set(id, all);
      if (all > lengthMax) long.add(id);
    },
    evict() {
      for (const id of long) drop(id);
      long.clear();
      for (const id of added) if (loaded.has(id)) usedOnce.add(id);
      added.clear();
      for (const id of usedOnce) {
        if (usedOnce.size <= usedOnceKept) break;
        drop(id);
      }
      for (const id of loaded.keys()) {
        if (loaded.size <= kept) break;
        drop(id);
      }
    },
  };
}
