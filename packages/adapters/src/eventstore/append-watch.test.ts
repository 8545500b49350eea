import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { HASTY, openLedgerOn, useDouble } from "./testing/use-double.ts";

const use = useDouble();
const NEVER = new AbortController().signal;
/** Polls so slowly that only the subscription can wake a waiter. */
const BY_SUBSCRIPTION = { ...HASTY, pollMs: 600_000, lingerMs: 600_000 };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Whether the server answers: clients of one address share a connection, and a cut breaks all of them. */
const answers = (stream: EventStream) =>
  stream.head().then(
    () => true,
    () => false,
  );

/** Waits for the subscription; other reads end at once. */
const subscribed = () => until(() => use().openCalls("Read") === 1);

describe("waiting", () => {
  test("is woken by the subscription", async () => {
    const stream = await openLedgerOn(use(), { timing: BY_SUBSCRIPTION });
    const other = await openLedgerOn(use());
    for (let at = 0; at < 20; at += 1) {
      const waiting = stream.waitForAppend(at, NEVER);
      await other.append(at, sampleEvents(at + 1, at + 1));
      await waiting;
    }
  });

  test("needs one subscription for all waiters", async () => {
    const stream = await openLedgerOn(use(), { timing: BY_SUBSCRIPTION });
    const waiting = Array.from({ length: 20 }, () => stream.waitForAppend(0, NEVER));
    await subscribed();
    await (await openLedgerOn(use())).append(0, sampleEvents(1, 1));
    await Promise.all(waiting);
    expect(use().openCalls("Read")).toBe(1);
  });

  test("subscribes again when the connection was lost", async () => {
    const stream = await openLedgerOn(use(), { timing: BY_SUBSCRIPTION });
    const other = await openLedgerOn(use());
    const waiting = stream.waitForAppend(0, NEVER);
    await subscribed();
    use().network.cut();
    await until(() => answers(other));
    // The waiter is woken whether or not the subscription is restored already.
    await other.append(0, sampleEvents(1, 1));
    await waiting;
  });

  test("wakes waiters when the server is down, so that their read throws", async () => {
    const stream = await openLedgerOn(use());
    const waiting = stream.waitForAppend(0, NEVER);
    await subscribed();
    await use().network.down();
    await waiting;
    await expect(stream.head()).rejects.toThrow(/ECONNREFUSED/);
    await use().network.up();
  });

  test("polls if the subscription reports nothing", async () => {
    const stream = await openLedgerOn(use(), { timing: HASTY });
    const other = await openLedgerOn(use());
    Object.assign(use().streams, { onChange: () => () => {} });
    const waiting = stream.waitForAppend(0, NEVER);
    await subscribed();
    await other.append(0, sampleEvents(1, 1));
    await waiting;
  });

  test("ends the subscription a while after the last waiter", async () => {
    const stream = await openLedgerOn(use(), { timing: HASTY });
    const controller = new AbortController();
    const waiting = stream.waitForAppend(0, controller.signal);
    await subscribed();
    controller.abort();
    await waiting;
    await until(() => use().openCalls("Read") === 0);
    const again = stream.waitForAppend(0, NEVER);
    await subscribed();
    await stream.append(0, sampleEvents(1, 1));
    await again;
  });
});
