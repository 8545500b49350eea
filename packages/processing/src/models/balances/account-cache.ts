import type { Account } from "./account.ts";

/** Accounts kept in memory, some 25 MiB; beyond, those not touched for longest go. */
const ACCOUNTS_KEPT = 10_000;

/** The accounts that are in memory, each as of the last event that touched it. */
export type AccountCache = Readonly<{
  /** undefined where it is not loaded. */
  find(id: string): Account | undefined;
  load(id: string): Promise<Account>;
  /** Lets go of what is too much; nothing that was not written yet may be kept then. */
  shrink(): void;
}>;

export function createAccountCache(
  openAccount: (id: string) => Promise<Account>,
  most = ACCOUNTS_KEPT,
): AccountCache {
  /** Least recently used first. */
  const loaded = new Map<string, Account>();

  function find(id: string): Account | undefined {
    const known = loaded.get(id);
    if (known === undefined || loaded.size <= most / 2) return known;
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
      return opened;
    },
    shrink() {
      for (const id of loaded.keys()) {
        if (loaded.size <= most) break;
        loaded.delete(id);
      }
    },
  };
}
