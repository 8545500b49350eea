import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { LedgerMismatch } from "../ports/errors.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { openLedger, waitForLedger } from "./startup.ts";

function setUp() {
  const clock = createManualClock(1_700_000_000_000_000_000n);
  const storage = createMemoryStreamStorage();
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  return { clock, storage, stream };
}

const named = (name: string, environment = "production") => ({ name, environment });

describe("openLedger", () => {
  test("appends LedgerOpened at position 1, once", async () => {
    const { stream, storage } = setUp();
    await Promise.all([1, 2, 3].map(() => openLedger(stream, named("default"), hashing)));
    await openLedger(stream, named("default"), hashing);
    expect(storage.events).toHaveLength(1);
    expect(storage.events[0]).toMatchObject({
      position: 1,
      id: "02922d69-dc22-5c10-ad78-26231f828959",
      type: "LedgerOpened",
      subject: "ledger",
      data: '{"name":"default","format":1,"environment":"production"}',
    });
  });

  test("accepts a ledger that already has facts", async () => {
    const { stream, storage } = setUp();
    await openLedger(stream, named("default"), hashing);
    await stream.append(1, [sampleEvent(1)]);
    await openLedger(stream, named("default"), hashing);
    expect(storage.events).toHaveLength(2);
  });

  test("refuses another ledger's stream, and names both", async () => {
    const { stream } = setUp();
    await openLedger(stream, named("first"), hashing);
    const opening = openLedger(stream, named("second"), hashing);
    await expect(opening).rejects.toThrow(LedgerMismatch);
    await expect(opening).rejects.toThrow(
      /holds ledger "first", format 1, expected ledger "second"/,
    );
  });

  test.each([
    ["trial", "production"],
    ["production", "trial"],
  ])("refuses a ledger of %s to %s, and says what to do", async (opened, asked) => {
    const { stream, clock, storage } = setUp();
    await openLedger(stream, named("default", opened), hashing);
    const { signal } = new AbortController();
    for (const opening of [
      openLedger(stream, named("default", asked), hashing),
      waitForLedger(stream, named("default", asked), clock, signal),
    ]) {
      await expect(opening).rejects.toThrow(LedgerMismatch);
      const message = `opened for the environment "${opened}", expected "${asked}"`;
      await expect(opening).rejects.toThrow(message);
      await expect(opening).rejects.toThrow(/begin an empty one .*COUNTERFOIL_LEDGER/);
    }
    expect(storage.events).toHaveLength(1);
  });

  test("refuses another format, and a stream that begins with something else", async () => {
    for (const first of [
      sampleEvent(1),
      sampleEvent(1, {
        type: "LedgerOpened",
        data: '{"name":"default","format":2,"environment":"production"}',
      }),
    ]) {
      const { stream } = setUp();
      await stream.append(0, [first]);
      await expect(openLedger(stream, named("default"), hashing)).rejects.toThrow(LedgerMismatch);
    }
  });
});

describe("waitForLedger", () => {
  test("resolves when an ingestor opens it", async () => {
    const { stream, clock, storage } = setUp();
    let isOpen = false;
    const waiting = waitForLedger(
      stream,
      named("default"),
      clock,
      new AbortController().signal,
    ).then(() => {
      isOpen = true;
    });
    await clock.advance(60_000);
    expect(isOpen).toBe(false);
    expect(storage.waiters.size).toBe(1);
    await openLedger(stream, named("default"), hashing);
    await waiting;
    expect(storage.waiters.size).toBe(0);
  });

  test("polls if it is not notified", async () => {
    const { stream, clock } = setUp();
    const abortable = {
      ...stream,
      waitForAppend: (_after: number, signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
    };
    const waiting = waitForLedger(abortable, named("default"), clock, new AbortController().signal);
    await clock.nextTurn();
    await openLedger(stream, named("default"), hashing);
    await clock.advance(1000);
    await waiting;
  });

  test("refuses another ledger's stream", async () => {
    const { stream, clock } = setUp();
    await openLedger(stream, named("first"), hashing);
    const { signal } = new AbortController();
    const waiting = waitForLedger(stream, named("second"), clock, signal);
    await expect(waiting).rejects.toThrow(LedgerMismatch);
  });

  test("ends when the signal aborts", async () => {
    const { stream, clock, storage } = setUp();
    const abort = new AbortController();
    const waiting = waitForLedger(stream, named("default"), clock, abort.signal);
    await clock.nextTurn();
    abort.abort();
    await waiting;
    expect(storage.waiters.size).toBe(0);
  });
});
