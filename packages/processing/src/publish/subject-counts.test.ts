import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../ports/errors.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { openSubjectCounts, readPublished, storeRefusal } from "./subject-counts.ts";

const START = { position: 0, hash: "" };

/** A stream of one event for each subject. */
async function openWorld(subjects: string, ledger = "books") {
  const stream = createMemoryEventStream({ ledger, hashing, clock: createManualClock() });
  const events = subjects.split(" ").map((subject, at) => sampleEvent(at + 1, { subject }));
  await stream.append(0, events);
  const read = (after: number, upTo: number) => stream.read({ after, limit: upTo - after });
  const eventAt = async (position: number) => (await read(position - 1, position))[0] ?? START;
  return { stream, catalogue: createMemoryModelCatalogue(), hashing, read, eventAt };
}

describe("the counts of subjects", () => {
  test("number each subject's events from 1, across commits and reopening", async () => {
    const world = await openWorld("a b a a c b a");
    const counts = await openSubjectCounts(world, START);
    expect(await counts.numberEvents(await world.read(0, 3))).toEqual([1, 1, 2]);
    await counts.commit(await world.eventAt(3));
    expect(await counts.numberEvents(await world.read(3, 5))).toEqual([3, 1]);
    await counts.commit(await world.eventAt(5));
    await counts.close();
    const again = await openSubjectCounts(world, await world.eventAt(5));
    expect(await again.numberEvents(await world.read(5, 7))).toEqual([2, 4]);
  });

  test("catch up to the published position, and are recounted if they are lost", async () => {
    const world = await openWorld("a b a a c b a");
    const counts = await openSubjectCounts(world, START);
    await counts.numberEvents(await world.read(0, 2));
    await counts.commit(await world.eventAt(2));
    // Published, and killed before it was counted.
    await counts.numberEvents(await world.read(2, 5));
    await counts.close();
    const forward = await openSubjectCounts(world, await world.eventAt(5));
    expect(await forward.numberEvents(await world.read(5, 7))).toEqual([2, 4]);
    const anew = { ...world, catalogue: createMemoryModelCatalogue() };
    const counted = await openSubjectCounts(anew, await world.eventAt(6));
    expect(await counted.numberEvents(await world.read(6, 7))).toEqual([4]);
  });

  test("that are ahead of the published position, or of another stream, are recounted", async () => {
    const world = await openWorld("a b a a c b a");
    await openSubjectCounts(world, await world.eventAt(6));
    const back = await openSubjectCounts(world, await world.eventAt(3));
    expect(await back.numberEvents(await world.read(3, 4))).toEqual([3]);
    const other = { ...(await openWorld("a a a a a a a", "other")), catalogue: world.catalogue };
    const counts = await openSubjectCounts(other, await other.eventAt(6));
    expect(await counts.numberEvents(await other.read(6, 7))).toEqual([7]);
  });

  test("are not overwritten by a publisher that was suspended while another took over", async () => {
    const world = await openWorld("a b a a c b a");
    const suspended = await openSubjectCounts(world, START);
    await suspended.numberEvents(await world.read(0, 2));
    await openSubjectCounts(world, await world.eventAt(5));
    await expect(suspended.commit(await world.eventAt(2))).rejects.toThrow(ModelUnavailable);
    const after = await openSubjectCounts(world, await world.eventAt(5));
    expect(await after.numberEvents(await world.read(5, 6))).toEqual([2]);
  });
});

describe("a refusal of publishing", () => {
  test("is stored where nothing was ever published, until publishing is accepted", async () => {
    const world = await openWorld("a b");
    expect(await readPublished(world.catalogue)).toBeNull();
    await storeRefusal(world.catalogue);
    const refused = { position: 0, stoppedKeys: 0, isRefused: true };
    expect(await readPublished(world.catalogue)).toEqual(refused);
    const counts = await openSubjectCounts(world, START);
    await counts.storeStoppedKeys(3);
    expect(await readPublished(world.catalogue)).toEqual({ ...refused, stoppedKeys: 3 });
    await counts.storeAccepted();
    expect(await readPublished(world.catalogue)).toMatchObject({ isRefused: false });
  });

  test("leaves the counts and their position as they are", async () => {
    const world = await openWorld("a b a");
    await (await openSubjectCounts(world, await world.eventAt(2))).close();
    await storeRefusal(world.catalogue);
    expect(await readPublished(world.catalogue)).toMatchObject({ position: 2, isRefused: true });
    const counts = await openSubjectCounts(world, await world.eventAt(2));
    expect(await counts.numberEvents(await world.read(2, 3))).toEqual([2]);
  });
});
