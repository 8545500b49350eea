/** Starts tasks so that no more than a number of them run at a time. */
export type Limiter = Readonly<{
  /** Resolves when the task has been started; a task must report its failure itself. */
  start: (task: () => Promise<void>) => Promise<void>;
  /** Resolves when nothing runs any more. */
  whenIdle: () => Promise<void>;
}>;

export function createLimiter(runningMax: number): Limiter {
  let running = 0;
  let wake: (() => void) | null = null;
  const untilBelow = async (limit: number) => {
    while (running >= limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  };
  return {
    async start(task) {
      await untilBelow(runningMax);
      running += 1;
      void task().finally(() => {
        running -= 1;
        wake?.();
      });
    },
    whenIdle: () => untilBelow(1),
  };
}
