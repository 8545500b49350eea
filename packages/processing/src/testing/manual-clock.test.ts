import { describe, expect, test } from "@jest/globals";
import { createManualClock } from "./manual-clock.ts";

describe("manual clock", () => {
  test("time passes only by hand", async () => {
    const clock = createManualClock(1_000n);
    expect(clock.now()).toBe(1_000n);
    await clock.advance(1.5);
    expect(clock.now()).toBe(1_501_000n);
    clock.set(7n);
    expect(clock.now()).toBe(7n);
  });

  test("sleepers wake in the order of their times, each at its own", async () => {
    const clock = createManualClock();
    const woken: string[] = [];
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push(`${name} at ${clock.now() / 1_000_000n}`);
    };
    const sleeping = [sleep("c", 30), sleep("a", 10), sleep("b", 20), sleep("b2", 20)];
    await clock.advance(25);
    expect(woken).toEqual(["a at 10", "b at 20", "b2 at 20"]);
    await clock.advance(5);
    await Promise.all(sleeping);
    expect(woken.at(-1)).toBe("c at 30");
  });

  test("who sleeps again meanwhile wakes again within the same advance", async () => {
    const clock = createManualClock();
    let rounds = 0;
    const controller = new AbortController();
    const loop = (async () => {
      while (!controller.signal.aborted) {
        await clock.sleep(10, controller.signal);
        rounds += 1;
      }
    })();
    await clock.advance(55);
    expect(rounds).toBe(5);
    controller.abort();
    await loop;
    expect(rounds).toBe(6);
    await clock.sleep(10, AbortSignal.abort());
  });
});
