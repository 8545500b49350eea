import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { HASTY, openLedgerOn, useDouble } from "./testing/use-double.ts";

const use = useDouble();
const NEVER = new AbortController().signal;
/** So slow that the subscription alone can be what wakes. */
const BY_SUBSCRIPTION = { ...HASTY, pollMs: 600_000, lingerMs: 600_000 };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Whether the server answers: clients of one address share a connection, and one cut breaks all. */
const answers = (stream: EventStream) =>
  stream.head().then(
    () => true,
    () => false,
  );

/** The subscription, once it stands: reads are over in a moment. */
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
    // Whether it stands again already or not yet: it goes on behind what the waiter has.
    await other.append(0, sampleEvents(1, 1));
    await waiting;
  });

  test("wakes who waits when the server is away, so that a read tells", async () => {
    const stream = await openLedgerOn(use());
    const waiting = stream.waitForAppend(0, NEVER);
    await subscribed();
    await use().network.down();
    await waiting;
    await expect(stream.head()).rejects.toThrow(/ECONNREFUSED/);
    await use().network.up();
  });

  test("looks now and then where the subscription says nothing", async () => {
    const stream = await openLedgerOn(use(), { timing: HASTY });
    const other = await openLedgerOn(use());
    Object.assign(use().streams, { onChange: () => () => {} });
    const waiting = stream.waitForAppend(0, NEVER);
    await subscribed();
    await other.append(0, sampleEvents(1, 1));
    await waiting;
  });

  test("gives the subscription back a while after the last waiter went", async () => {
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
