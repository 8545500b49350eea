import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import type { EventStream } from "../ports/event-stream.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { lastPositionBy } from "./known-at.ts";

/** A stream whose events were recorded at these times. */
async function recordedAt(times: readonly bigint[]): Promise<EventStream> {
  const clock = createManualClock();
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock });
  for (const [position, time] of times.entries()) {
    clock.set(time);
    await stream.append(position, [sampleEvent(position + 1)]);
  }
  return stream;
}

describe("last position recorded by a time", () => {
  test("on an empty stream", async () => {
    expect(await lastPositionBy(await recordedAt([]), 10n)).toBe(0);
  });

  const times = [10n, 10n, 12n, 20n, 20n, 20n, 31n];
  test.each([9n, 10n, 11n, 12n, 19n, 20n, 21n, 30n, 31n, 32n])("%d", async (time) => {
    const expected = times.filter((recorded) => recorded <= time).length;
    expect(await lastPositionBy(await recordedAt(times), time)).toBe(expected);
  });

  test("asks for few events of a long stream", async () => {
    const stream = await recordedAt(Array.from({ length: 1000 }, (_, at) => BigInt(at + 1)));
    let reads = 0;
    const counted: EventStream = {
      ...stream,
      read: (query) => {
        reads += 1;
        return stream.read(query);
      },
    };
    expect(await lastPositionBy(counted, 637n)).toBe(637);
    expect(reads).toBeLessThanOrEqual(10);
  });
});
