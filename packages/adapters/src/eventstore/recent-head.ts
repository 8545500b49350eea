import type { Head } from "@counterfoil/core/stream/chain";

/** The head as it was a moment ago: an append after ids were found need not read it again. */
export type RecentHead = Readonly<{
  get(): Head | null;
  /** Returns the head. It was asked for at `askedAt`, of `performance.now()`. */
  note(head: Head, askedAt: number): Head;
}>;

/**
 * An older one is forgotten, since the next event's hash begins with it: had the server been restored
 * from a backup and grown to the same position since, the append would break the chain.
 */
const RECENT_MS = 500;

export function createRecentHead(): RecentHead {
  let recent: Readonly<{ head: Head; askedAt: number }> | null = null;
  return {
    get: () =>
      recent !== null && performance.now() - recent.askedAt <= RECENT_MS ? recent.head : null,
    note: (head, askedAt) => {
      recent = { head, askedAt };
      return head;
    },
  };
}
