import type { HeldLock, RoleLocks } from "../ports/role-locks.ts";

type Waiter = (lock: HeldLock) => void;

/** Locks between the loops of one thread; who waits longest is next. */
export function createMemoryRoleLocks(): RoleLocks {
  const waitersOf = new Map<string, Waiter[]>();

  function hold(name: string): HeldLock {
    let held = true;
    return {
      lost: new AbortController().signal,
      release: async () => {
        if (held) passOn(name);
        held = false;
      },
    };
  }

  function passOn(name: string): void {
    const next = waitersOf.get(name)?.shift();
    if (next === undefined) waitersOf.delete(name);
    else next(hold(name));
  }

  function tryHold(name: string): HeldLock | null {
    if (waitersOf.has(name)) return null;
    waitersOf.set(name, []);
    return hold(name);
  }

  return {
    tryAcquire: async (name) => tryHold(name),
    acquire: (name, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(null);
        const free = tryHold(name);
        if (free !== null) return resolve(free);
        const waiters = waitersOf.get(name) ?? [];
        const giveUp = () => {
          waiters.splice(waiters.indexOf(take), 1);
          resolve(null);
        };
        const take = (lock: HeldLock) => {
          signal.removeEventListener("abort", giveUp);
          resolve(lock);
        };
        signal.addEventListener("abort", giveUp, { once: true });
        waiters.push(take);
      }),
  };
}
