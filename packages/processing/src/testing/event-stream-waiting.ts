import { describe, expect, test } from "@jest/globals";
import type { StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents } from "./sample-event.ts";

const NEVER = new AbortController().signal;

export function describeWaiting(use: () => StreamFixture): void {
  describe("waiting for appends", () => {
    test("does not wait where the head has passed already", async () => {
      const { stream } = use();
      await stream.append(0, sampleEvents(1, 3));
      await stream.waitForAppend(2, NEVER);
    });

    test("every waiter wakes after an append of its own instance", async () => {
      const { stream } = use();
      const waiting = [0, 0, 0].map((after) => stream.waitForAppend(after, NEVER));
      await stream.append(0, [sampleEvent(1)]);
      await Promise.all(waiting);
    });

    test("wakes after an append by another instance", async () => {
      const { stream, openAnother } = use();
      const waiting = stream.waitForAppend(0, NEVER);
      await (await openAnother()).append(0, [sampleEvent(1)]);
      await waiting;
    });

    test("misses no append that falls between looking and waiting", async () => {
      const { stream, openAnother } = use();
      const writer = await openAnother();
      for (let at = 0; at < 60; at += 1) {
        const [waiting] = [
          stream.waitForAppend(at, NEVER),
          writer.append(at, [sampleEvent(at + 1)]),
        ];
        await waiting;
      }
      expect((await stream.head()).position).toBe(60);
    });

    test("a follower keeps up with a writer", async () => {
      const { stream, openAnother } = use();
      const follower = await openAnother();
      const following = (async () => {
        let seen = 0;
        while (seen < 100) {
          await follower.waitForAppend(seen, NEVER);
          seen += (await follower.read({ after: seen, limit: 7 })).length;
        }
        return seen;
      })();
      for (let at = 0; at < 100; at += 5) await stream.append(at, sampleEvents(at + 1, at + 5));
      expect(await following).toBe(100);
    });

    test("an abort ends the waiting, before it begins and later", async () => {
      const { stream } = use();
      await stream.waitForAppend(0, AbortSignal.abort());
      const controller = new AbortController();
      const waiting = [0, 5, 5].map((after) => stream.waitForAppend(after, controller.signal));
      controller.abort();
      await Promise.all(waiting);
    });

    test("closing ends the waiting", async () => {
      const { openAnother } = use();
      const another = await openAnother();
      const waiting = another.waitForAppend(0, NEVER);
      await another.close();
      await waiting;
    });
  });
}
