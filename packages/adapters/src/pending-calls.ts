/** Numbered calls to another thread, which wait for its answers. */
export function createPendingCalls<Result>() {
  const pending = new Map<number, PromiseWithResolvers<Result>>();
  let calls = 0;

  function take(call: number): PromiseWithResolvers<Result> | undefined {
    const found = pending.get(call);
    pending.delete(call);
    return found;
  }

  return {
    /** @param send posts the request with the call's number, which its answer repeats */
    ask(send: (call: number) => void): Promise<Result> {
      calls += 1;
      send(calls);
      const answer = Promise.withResolvers<Result>();
      pending.set(calls, answer);
      return answer.promise;
    },
    resolve: (call: number, result: Result) => take(call)?.resolve(result),
    reject: (call: number, error: unknown) => take(call)?.reject(error),
    /** The thread has ended: nothing that was asked is answered any more. */
    rejectAll(error: unknown): void {
      const failed = [...pending.values()];
      pending.clear();
      for (const { reject } of failed) reject(error);
    },
  };
}
