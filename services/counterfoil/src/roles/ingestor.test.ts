import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Delivery } from "@counterfoil/processing/ports/ingest";
import { NO_TRACING } from "@counterfoil/processing/ports/tracing";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { createMemoryEventStream } from "@counterfoil/processing/testing/memory-event-stream";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { openIngest } from "./ingestor.ts";

const READ_ONLY = new StreamUnavailable(
  "the event stream in a: it is read-only: make it writable",
  {
    cause: Object.assign(new Error("cannot execute INSERT"), {
      code: "25006",
      detail: "row (secret)",
    }),
  },
);

/** An ingest on a stream that refuses appends while `refusal` is set. */
async function open() {
  const clock = createManualClock();
  const memory = createMemoryEventStream({ ledger: "books", hashing, clock });
  await openLedger(memory, { name: "books", environment: "test" }, hashing);
  const state = { refusal: null as Error | null, appends: 0 };
  const stream: EventStream = {
    ...memory,
    append: async (...append) => {
      state.appends += 1;
      if (state.refusal !== null) throw state.refusal;
      return memory.append(...append);
    },
  };
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(line) });
  const ingest = openIngest({ stream, clock, hashing, tracing: NO_TRACING }, logger);
  const logged = () => lines.map((line) => JSON.parse(line));
  return { clock, memory, state, ingest, logged };
}

let count = 0;

function delivery(): Delivery {
  count += 1;
  return {
    ...{ provider: "zerohash", channel: "webhook", payloadType: "other", notificationId: null },
    ...{ place: null, verdict: { signature: "unsigned" }, correlationId: null, receivedAt: 1n },
    bytes: Buffer.from(`{"secret":${count}}`),
  };
}

const NOT_READY = { code: "not_ready" };

test("an ingestor stays not ready while appends are refused, and is ready when one would succeed", async () => {
  const { clock, memory, state, ingest } = await open();
  await ingest.assertTaking();
  expect(state.appends).toBe(0);
  const { position } = await memory.head();
  state.refusal = READ_ONLY;
  await expect(ingest.submit(delivery())).rejects.toThrow("read-only");
  // No webhook arrives any more: the load balancer sends them elsewhere.
  for (let minute = 0; minute < 10; minute += 1) {
    await expect(ingest.assertTaking()).rejects.toMatchObject(NOT_READY);
    await clock.advance(60_000);
  }
  state.refusal = null;
  await ingest.assertTaking();
  expect((await memory.head()).position).toBe(position);
  await ingest.submit(delivery());
  await ingest.assertTaking();
  await ingest.stop();
});

test("it is ready at once when a delivery is recorded, but not when a known one is repeated", async () => {
  const { state, ingest } = await open();
  const known = delivery();
  await ingest.submit(known);
  state.refusal = READ_ONLY;
  await expect(ingest.submit(delivery())).rejects.toThrow("read-only");
  expect(await ingest.submit(known)).toMatchObject({ outcome: "repeated" });
  await expect(ingest.assertTaking()).rejects.toMatchObject(NOT_READY);
  state.refusal = null;
  await ingest.submit(delivery());
  await ingest.assertTaking();
  await ingest.stop();
});

test("why appends fail is logged at once, then once a minute, without the contents of a delivery", async () => {
  const { clock, state, ingest, logged } = await open();
  state.refusal = READ_ONLY;
  for (let second = 0; second < 150; second += 1) {
    await expect(ingest.submit(delivery())).rejects.toThrow("read-only");
    await clock.advance(1_000);
  }
  const refusal = {
    ...{ level: 50, error: "StreamUnavailable", reason: READ_ONLY.message },
    ...{ cause: "cannot execute INSERT", code: "25006" },
  };
  expect(logged()).toMatchObject([
    { ...refusal, refused: 1 },
    { ...refusal, refused: 61 },
    { ...refusal, refused: 121 },
  ]);
  expect(JSON.stringify(logged())).not.toContain("secret");
  state.refusal = new StreamUnavailable("the disk is full");
  await expect(ingest.submit(delivery())).rejects.toThrow("full");
  state.refusal = null;
  await ingest.submit(delivery());
  await ingest.submit(delivery());
  expect(logged().slice(3)).toMatchObject([
    { reason: "the disk is full" },
    { level: 30, refused: 151, msg: "the stream takes appends again" },
  ]);
  await ingest.stop();
});
