import { describe, expect, test } from "@jest/globals";
import { systemClock } from "./runtime.ts";

describe("system clock", () => {
  test("stays within the system's millisecond and never decreases", () => {
    let previous = 0n;
    for (let round = 0; round < 20_000; round += 1) {
      const before = BigInt(Date.now()) * 1_000_000n;
      const now = systemClock.now();
      const after = BigInt(Date.now() + 1) * 1_000_000n;
      expect(now >= before && now < after && now >= previous).toBe(true);
      previous = now;
    }
  });

  test("distinguishes events within a millisecond", () => {
    const times = new Set(Array.from({ length: 1000 }, () => systemClock.now()));
    expect(times.size).toBeGreaterThan(10);
  });

  test("sleeps, and wakes when the signal aborts", async () => {
    const start = performance.now();
    await systemClock.sleep(20);
    expect(performance.now() - start).toBeGreaterThanOrEqual(18);
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort();
    await sleeping;
    await systemClock.sleep(60_000, AbortSignal.abort());
  });
});
