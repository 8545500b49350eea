import { describe, expect, test } from "@jest/globals";
import { createBackoff, jitterAround, retry } from "./retry.ts";

class Passing extends Error {}

/** Work that fails a number of times before it succeeds, on a clock that only records its sleeps. */
function failing(times: number, error: () => Error = () => new Passing("not yet")) {
  const pauses: number[] = [];
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    if (attempts <= times) throw error();
    return "done";
  };
  const clock = { sleep: async (ms: number) => void pauses.push(ms) };
  const options = {
    attemptsMax: 5,
    delayMsMin: 10,
    delayMsMax: 35,
    isTransient: (cause: unknown) => cause instanceof Passing,
    random: () => 1,
    clock,
  };
  return { work, options, pauses, attempts: () => attempts };
}

describe("retry", () => {
  test("runs work that succeeds once, without a pause", async () => {
    const { work, options, pauses, attempts } = failing(0);
    expect(await retry(work, options)).toBe("done");
    expect([attempts(), pauses]).toEqual([1, []]);
  });

  test("pauses twice as long each time, up to a bound", async () => {
    const { work, options, pauses } = failing(4);
    expect(await retry(work, options)).toBe("done");
    expect(pauses).toEqual([10, 20, 35, 35]);
  });

  test("draws each pause at random below that bound", async () => {
    const { work, options, pauses } = failing(4);
    const drawn = [0, 0.5, 0.25, 0.75];
    await retry(work, { ...options, random: () => drawn.shift() ?? 0 });
    expect(pauses).toEqual([0, 10, 8.75, 26.25]);
  });

  test("throws the error of the last attempt, if all fail", async () => {
    const { work, options, pauses, attempts } = failing(99);
    await expect(retry(work, options)).rejects.toThrow("not yet");
    expect([attempts(), pauses.length]).toEqual([5, 4]);
  });

  test("does not retry an error that is not transient", async () => {
    const { work, options, attempts } = failing(1, () => new Error("broken"));
    await expect(retry(work, options)).rejects.toThrow("broken");
    expect(attempts()).toBe(1);
  });

  test.each(["during an attempt", "during a pause"])("ends when it is aborted %s", async (when) => {
    const { work, options, attempts } = failing(99);
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    const clock = { sleep: async () => (when === "during a pause" ? stop() : undefined) };
    const attempt = () => {
      if (when === "during an attempt") stop();
      return work();
    };
    const asked = { ...options, clock, signal: stopping.signal };
    await expect(retry(attempt, asked)).rejects.toThrow("not yet");
    expect(attempts()).toBe(1);
  });
});

describe("a backoff", () => {
  const BOUNDS = { delayMsMin: 10, delayMsMax: 35 };
  const take = ({ next }: Pick<ReturnType<typeof createBackoff>, "next">, count: number) =>
    Array.from({ length: count }, () => next());

  test("pauses the least at first, twice as long each time, up to a bound", () => {
    expect(take(createBackoff(BOUNDS), 5)).toEqual([10, 20, 35, 35, 35]);
  });

  test("starts over after progress", () => {
    const backoff = createBackoff(BOUNDS);
    take(backoff, 4);
    backoff.reset();
    expect(take(backoff, 3)).toEqual([10, 20, 35]);
  });

  test("goes on from the last pause where the bound changes", () => {
    const backoff = createBackoff(BOUNDS);
    take(backoff, 4);
    const bounds = [100, 100, 15, 100];
    expect(bounds.map((bound) => backoff.next(bound))).toEqual([70, 100, 15, 30]);
  });

  test("applies its jitter to each pause, and not to the bound", () => {
    const drawn = [0.5, 0, 1.5, 1];
    const backoff = createBackoff({ ...BOUNDS, jitter: () => drawn.shift() ?? 1 });
    expect(take(backoff, 4)).toEqual([5, 0, 52.5, 35]);
  });

  test("lies around the pause by the jitter of those that fail together", () => {
    const drawn = Array.from({ length: 1000 }, jitterAround);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...drawn)).toBeLessThan(1.5);
    expect(new Set(drawn).size).toBeGreaterThan(900);
  });
});
