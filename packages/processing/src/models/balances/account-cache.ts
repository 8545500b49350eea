import type { Account } from "./account.ts";

/** Accounts kept in memory, some 25 MiB; beyond that, the least recently used are dropped. */
const ACCOUNTS_KEPT = 10_000;

/** Of these, accounts that only one commit has used: a large snapshot uses each of its accounts once. */
const USED_ONCE_KEPT = 4_000;

/** Length of an account's written text, some hundred entries, beyond which it is dropped and loaded again. */
const ACCOUNT_LENGTH_MAX = 128 * 1024;

/** The loaded accounts, each as of the last event that touched it. */
export type AccountCache = Readonly<{
  /** undefined if it is not loaded. */
  find(id: string): Account | undefined;
  load(id: string): Promise<Account>;
  /** Adds to the length of the text written for an account; long ones are dropped by the next `evict`. */
  addLength(id: string, length: number): void;
  /** Drops accounts over the limits. All changes must be written already. */
  evict(): void;
}>;

export function createAccountCache(
  openAccount: (id: string) => Promise<Account>,
  { kept, usedOnceKept } = { kept: ACCOUNTS_KEPT, usedOnceKept: USED_ONCE_KEPT },
): AccountCache {
  /** Least recently used first. */
  const loaded = new Map<string, Account>();
  /** Loaded since the last commit, and those before it that no later commit has used. */
  const added = new Set<string>();
  const usedOnce = new Set<string>();
  /** Length of the text written since an account was loaded, by id. */
  const lengths = new Map<string, number>();
  /** Those that are over the limit: a commit must not look at every account. */
  const long = new Set<string>();

  function drop(id: string): void {
    loaded.delete(id);
    lengths.delete(id);
    usedOnce.delete(id);
  }

  function find(id: string): Account | undefined {
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
      const opened = await openAccount(id);
      loaded.set(id, opened);
      added.add(id);
      return opened;
    },
    addLength(id, length) {
      const all = (lengths.get(id) ?? 0) + length;
      lengths.set(id, all);
      if (all > ACCOUNT_LENGTH_MAX) long.add(id);
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
