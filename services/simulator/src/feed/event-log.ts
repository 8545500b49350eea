/** A list that grows, and that can be waited on, so that nobody has to poll it. */
export type EventLog<T> = Readonly<{
  add: (event: T) => void;
  all: () => readonly T[];
  /** Resolves with the first answer other than undefined, now or after some later event. */
  when: <A>(answer: (events: readonly T[]) => A | undefined, what: string) => Promise<A>;
}>;

export function createEventLog<T>(timeoutMs: number): EventLog<T> {
  const events: T[] = [];
  const waiters = new Set<() => void>();
  return {
    all: () => events,
    add(event) {
      events.push(event);
      for (const tryAgain of [...waiters]) tryAgain();
    },
    async when<A>(answer: (events: readonly T[]) => A | undefined, what: string) {
      const { promise, resolve, reject } = Promise.withResolvers<A>();
      const check = () => {
        const found = answer(events);
        if (found !== undefined) resolve(found);
      };
      const timer = setTimeout(() => reject(new Error(`${what} did not come about`)), timeoutMs);
      waiters.add(check);
      check();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiters.delete(check);
      }
    },
  };
}
