import { createGate } from "@counterfoil/adapters/waiting";

export type Turns = Readonly<{
  /** Does the work once fewer than the bound are at theirs, in the order in which they came. */
  take: <T>(work: () => Promise<T>) => Promise<T>;
  /** Nobody is at work, and nobody waits. */
  whenIdle: () => Promise<void>;
}>;

/** Lets so many be at work at once. */
export function createTurns(atOnce: number): Turns {
  const inTurn = createGate(atOnce);
  const present = new Set<Promise<unknown>>();
  return {
    take(work) {
      const done = inTurn(work);
      const ended = done.catch(() => {}).finally(() => present.delete(ended));
      present.add(ended);
      return done;
    },
    async whenIdle() {
      while (present.size > 0) await Promise.all(present);
    },
  };
}
