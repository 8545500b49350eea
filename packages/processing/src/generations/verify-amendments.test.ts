import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { expect, test } from "@jest/globals";
import type { EventStream } from "../ports/event-stream.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { sampleEvent, sampleEvents, sampleId } from "../testing/sample-event.ts";
import { verifyStream } from "./verify.ts";

const AMENDMENTS = 2_500;
const STRAY = 1_700;

/** Says more of the first event, or of another under which it is not filed. */
function seen(number: number, about = sampleId(1), fact = about): NewEvent {
  const data = { event_id: fact, event_type: "MovementRecorded", key: {}, adds: {} };
  return sampleEvent(number, { type: "FactSeen", about, data: JSON.stringify(data) });
}

/** A stream that says how many events it handed over at once. */
function watched(stream: EventStream) {
  const counts = { most: 0 };
  const count = (events: number) => {
    counts.most = Math.max(counts.most, events);
  };
  const watching: EventStream = {
    ...stream,
    readAt: async (positions) => {
      const page = await stream.readAt(positions);
      count(page.length);
      return page;
    },
    findByIds: async (ids) => {
      const found = await stream.findByIds(ids);
      for (const { amendments } of found.known.values()) count(amendments.length);
      return found;
    },
  };
  return { watching, counts };
}

test("amendments of one fact, of which there are many, are read page by page", async () => {
  const stream = createMemoryEventStream({
    ledger: "default",
    clock: createManualClock(),
    hashing,
  });
  const events = Array.from({ length: AMENDMENTS }, (_, at) => {
    const number = at + 3;
    return number === STRAY ? seen(number, sampleId(1), sampleId(2)) : seen(number);
  });
  await stream.append(0, [sampleEvent(1), sampleEvent(2), ...events]);
  const { watching, counts } = watched(stream);
  const { findings } = await verifyStream({
    ...{ stream: watching, ledger: "default", hashing, bodies: false },
  });
  const amending = findings.filter(({ what }) => what === "amendment");
  expect(amending.map(({ position, detail }) => [position, detail])).toEqual([
    [STRAY, expect.stringContaining(`is not found under the fact ${sampleId(2)}`)],
    [STRAY, expect.stringContaining(`is found under the event ${sampleId(1)}`)],
  ]);
  expect(counts.most).toBeLessThanOrEqual(500);
});

test("where there are findings enough it stops, and states what was not read", async () => {
  const stream = createMemoryEventStream({
    ledger: "default",
    clock: createManualClock(),
    hashing,
  });
  const verify = () => verifyStream({ stream, ledger: "default", hashing, bodies: false });
  // The data of sample events has not the form of their type.
  await stream.append(0, sampleEvents(1, 2_000));
  expect(await verify()).toMatchObject({ events: 2_000, unverified: null });
  await stream.append(2_000, sampleEvents(2_001, 2_750));
  expect(await verify()).toMatchObject({
    events: 2_000,
    unverified: { from: 2_001, to: 2_750 },
    root: null,
  });
});
