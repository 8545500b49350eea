import type { OpenAccount } from "./open-account.ts";

/** Accounts held in memory, some 25 MiB; beyond, those not touched for longest go. */
const ACCOUNTS_HELD = 10_000;

/** The accounts that are in memory, each as of the last event that touched it. */
export type HeldAccounts = Readonly<{
  /** undefined where it is not in memory. */
  find(id: string): OpenAccount | undefined;
  open(id: string): Promise<OpenAccount>;
  /** Lets go of what is too much; nothing that was not written yet may be held then. */
  shrink(): void;
}>;

export function createHeldAccounts(
  openAccount: (id: string) => Promise<OpenAccount>,
  most = ACCOUNTS_HELD,
): HeldAccounts {
  /** Least recently used first. */
  const held = new Map<string, OpenAccount>();

  function find(id: string): OpenAccount | undefined {
    const known = held.get(id);
    if (known === undefined || held.size <= most / 2) return known;
    held.delete(id);
    held.set(id, known);
    return known;
  }

  return {
    find,
    async open(id) {
      const known = find(id);
      if (known !== undefined) return known;
      const opened = await openAccount(id);
      held.set(id, opened);
      return opened;
    },
    shrink() {
      for (const id of held.keys()) {
        if (held.size <= most) break;
        held.delete(id);
      }
    },
  };
}
