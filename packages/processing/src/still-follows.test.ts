import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { StreamCorrupted, StreamForked } from "./ports/errors.ts";
import { checkStillFollows } from "./stream-guard.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "./testing/memory-event-stream.ts";
import { sampleEvents } from "./testing/sample-event.ts";

/** A stream of so many events; from another `first` one the same positions have other hashes. */
async function streamOf(count: number, first = 1) {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(0n);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  await stream.append(0, sampleEvents(first, first + count - 1));
  return { storage, stream };
}

const checkpointAt = async (position: number) => {
  const { storage } = await streamOf(5);
  const hash = storage.events[position - 1]?.hash ?? "";
  return { position, hash, digest: "", state_digest: "" };
};

/** What a follower with that checkpoint is told after reading on. */
async function check(position: number, { stream }: Awaited<ReturnType<typeof streamOf>>) {
  const read = await stream.read({ after: position, limit: 10 });
  await checkStillFollows({ stream, hashing, who: "trades" }, await checkpointAt(position), read);
}

describe("a follower", () => {
  test.each([0, 1, 4, 5])("at %s of the stream that it followed goes on", async (position) => {
    await check(position, await streamOf(5));
  });

  test.each([
    ["another way from there", 3, 5],
    ["another way and ends there", 5, 5],
    ["another way, less far", 5, 3],
  ])("stops where the stream went %s", async (_, position, count) => {
    await expect(check(position, await streamOf(count, 100))).rejects.toThrow(StreamForked);
  });

  test("stops where a restored backup lacks what was followed", async () => {
    await expect(check(5, await streamOf(3))).rejects.toThrow(/trades .*position 5/);
  });

  test("tells an altered event from another stream", async () => {
    const world = await streamOf(5);
    const [altered] = world.storage.events.slice(3, 4);
    if (altered !== undefined) world.storage.events[3] = { ...altered, subject: "other" };
    await expect(check(3, world)).rejects.toThrow(StreamCorrupted);
    await check(4, world);
  });
});
