import { EventEmitter } from "node:events";
import type { Worker } from "node:worker_threads";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { STOP, superviseThread } from "./supervise.ts";

/** Threads that do what the test says. */
function stage() {
  const threads: FakeThread[] = [];
  const messages: unknown[] = [];
  let crashes = 0;
  const clock = createManualClock();
  const supervised = superviseThread({
    create: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread as unknown as Worker;
    },
    onMessage: (message) => messages.push(message),
    onCrash: () => {
      crashes += 1;
    },
    clock,
    logger: pino({ level: "silent" }),
  });
  return { threads, messages, clock, supervised, crashes: () => crashes };
}

class FakeThread extends EventEmitter {
  readonly asked: unknown[] = [];
  isTerminated = false;
  postMessage(message: unknown): void {
    this.asked.push(message);
  }
  async terminate(): Promise<void> {
    this.isTerminated = true;
    this.emit("exit", 1);
  }
}

describe("a supervised thread", () => {
  test("is started again when it dies, later each time, and its messages arrive", async () => {
    const { threads, messages, clock, crashes } = stage();
    threads[0]?.emit("message", "hello");
    threads[0]?.emit("error", new Error("out of memory"));
    await clock.advance(499);
    expect(threads).toHaveLength(1);
    await clock.advance(1);
    expect(threads).toHaveLength(2);
    threads[1]?.emit("exit", 0);
    await clock.advance(999);
    expect(threads).toHaveLength(2);
    await clock.advance(1);
    expect(threads).toHaveLength(3);
    expect([messages, crashes()]).toEqual([["hello"], 2]);
  });

  test("is asked to stop, and not started again", async () => {
    const { threads, clock, supervised, crashes } = stage();
    const stopped = supervised.stop();
    expect(threads[0]?.asked).toEqual([STOP]);
    threads[0]?.emit("exit", 0);
    await stopped;
    await clock.advance(60_000);
    expect([threads.length, threads[0]?.isTerminated, crashes()]).toEqual([1, false, 0]);
  });

  test("is ended where it does not end by itself", async () => {
    const { threads, clock, supervised } = stage();
    const stopped = supervised.stop();
    await clock.advance(5_000);
    await stopped;
    expect(threads[0]?.isTerminated).toBe(true);
  });

  test("that is waiting for its next start is not started any more", async () => {
    const { threads, clock, supervised } = stage();
    threads[0]?.emit("exit", 1);
    await clock.advance(1);
    await supervised.stop();
    expect(threads).toHaveLength(1);
  });
});
