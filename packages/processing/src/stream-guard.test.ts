import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { StreamCorrupted, StreamForked, StreamUnavailable } from "./ports/errors.ts";
import { checkEnds, checkStillFollows } from "./stream-guard.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "./testing/memory-event-stream.ts";
import { sampleEvents } from "./testing/sample-event.ts";

const LENGTH = 40;
const TAIL = 10;

async function streamOf(length: number) {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(1n);
  const stream = createMemoryEventStream({ ledger: "books", hashing, clock, storage });
  if (length > 0) await stream.append(0, sampleEvents(1, length));
  return { storage, check: { stream, ledger: "books", hashing, tail: TAIL } };
}

describe("the ends of a stream", () => {
  test.each([0, 1, 2, TAIL, TAIL + 1, LENGTH])("sound, with %i events", async (length) => {
    const { check } = await streamOf(length);
    await expect(checkEnds(check)).resolves.toBeUndefined();
  });

  test("cost the same at any length of the stream", async () => {
    const readOf = async (length: number) => {
      const { check } = await streamOf(length);
      let events = 0;
      const read: typeof check.stream.read = async (range) => {
        const found = await check.stream.read(range);
        events += found.length;
        return found;
      };
      await checkEnds({ ...check, stream: { ...check.stream, read } });
      return events;
    };
    expect(await readOf(50 * LENGTH)).toBe(await readOf(LENGTH));
  });

  test("the chain starts from the ledger's name", async () => {
    const { check } = await streamOf(1);
    await expect(checkEnds({ ...check, ledger: "other" })).rejects.toThrow(/^position 1: found/);
  });

  test.each([1, LENGTH - TAIL + 1, LENGTH - 1, LENGTH])("altered at %i", async (position) => {
    const { storage, check } = await streamOf(LENGTH);
    const event = storage.events[position - 1] as RecordedEvent;
    storage.events[position - 1] = { ...event, data: `${event.data} ` };
    const failure = await checkEnds(check).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StreamCorrupted);
    expect(String(failure)).toContain(`position ${position}: found hash`);
  });

  test("an event that is not at its position", async () => {
    const { storage, check } = await streamOf(LENGTH);
    storage.events.splice(LENGTH - 5, 1);
    await expect(checkEnds(check)).rejects.toThrow(`position ${LENGTH - 4}: no event is there`);
  });

  test("an unreadable event is named by its position", async () => {
    const { check } = await streamOf(LENGTH);
    const read = async () => Promise.reject(new StreamUnavailable("disk"));
    const stream = { ...check.stream, read };
    await expect(checkEnds({ ...check, stream })).rejects.toThrow(/^position 1: disk/);
  });

  test("the events in between are not checked", async () => {
    const { storage, check } = await streamOf(LENGTH);
    const event = storage.events[LENGTH / 2] as RecordedEvent;
    storage.events[LENGTH / 2] = { ...event, data: "{}" };
    await expect(checkEnds(check)).resolves.toBeUndefined();
  });
});

/** A stream of a number of events; with another `first` event the same positions have other hashes. */
async function numberedFrom(count: number, first = 1) {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(0n);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  await stream.append(0, sampleEvents(first, first + count - 1));
  return { storage, stream };
}

const checkpointAt = async (position: number) => {
  const { storage } = await numberedFrom(5);
  const hash = storage.events[position - 1]?.hash ?? "";
  return { position, hash, digest: "", state_digest: "" };
};

/** The result of the check of a follower that reads on from the checkpoint. */
async function check(position: number, { stream }: Awaited<ReturnType<typeof numberedFrom>>) {
  const read = await stream.read({ after: position, limit: 10 });
  await checkStillFollows({ stream, hashing, who: "trades" }, await checkpointAt(position), read);
}

describe("a follower", () => {
  test.each([0, 1, 4, 5])("at %s of the stream that it followed goes on", async (position) => {
    await check(position, await numberedFrom(5));
  });

  test.each([
    ["another way from there", 3, 5],
    ["another way and ends there", 5, 5],
    ["another way, less far", 5, 3],
  ])("stops where the stream went %s", async (_, position, count) => {
    await expect(check(position, await numberedFrom(count, 100))).rejects.toThrow(StreamForked);
  });

  test("stops where a restored backup lacks what was followed", async () => {
    await expect(check(5, await numberedFrom(3))).rejects.toThrow(/trades .*position 5/);
  });

  test("distinguishes an altered event from another stream", async () => {
    const world = await numberedFrom(5);
    const [altered] = world.storage.events.slice(3, 4);
    if (altered !== undefined) world.storage.events[3] = { ...altered, subject: "other" };
    await expect(check(3, world)).rejects.toThrow(StreamCorrupted);
    await check(4, world);
  });
});
