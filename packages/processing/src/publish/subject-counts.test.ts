import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../ports/errors.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { openSubjectCounts } from "./subject-counts.ts";

const START = { position: 0, hash: "" };

/** A stream of one event for each subject. */
async function openWorld(subjects: string, ledger = "books") {
  const stream = createMemoryEventStream({ ledger, hashing, clock: createManualClock() });
  const events = subjects.split(" ").map((subject, at) => sampleEvent(at + 1, { subject }));
  await stream.append(0, events);
  const read = (after: number, upTo: number) => stream.read({ after, limit: upTo - after });
  const placeOf = async (position: number) => (await read(position - 1, position))[0] ?? START;
  return { stream, catalogue: createMemoryModelCatalogue(), hashing, read, placeOf };
}

describe("the counts of subjects", () => {
  test("number each subject's events from 1, over commits and openings", async () => {
    const world = await openWorld("a b a a c b a");
    const counts = await openSubjectCounts(world, START);
    expect(await counts.number(await world.read(0, 3))).toEqual([1, 1, 2]);
    await counts.commit(await world.placeOf(3));
    expect(await counts.number(await world.read(3, 5))).toEqual([3, 1]);
    await counts.commit(await world.placeOf(5));
    await counts.close();
    const again = await openSubjectCounts(world, await world.placeOf(5));
    expect(await again.number(await world.read(5, 7))).toEqual([2, 4]);
  });

  test("are brought forward to what was published, and from nothing where they are lost", async () => {
    const world = await openWorld("a b a a c b a");
    const counts = await openSubjectCounts(world, START);
    await counts.number(await world.read(0, 2));
    await counts.commit(await world.placeOf(2));
    // Published, and killed before it was counted.
    await counts.number(await world.read(2, 5));
    await counts.close();
    const forward = await openSubjectCounts(world, await world.placeOf(5));
    expect(await forward.number(await world.read(5, 7))).toEqual([2, 4]);
    const anew = { ...world, catalogue: createMemoryModelCatalogue() };
    const counted = await openSubjectCounts(anew, await world.placeOf(6));
    expect(await counted.number(await world.read(6, 7))).toEqual([4]);
  });

  test("that are ahead of what was published, or of another stream, are counted anew", async () => {
    const world = await openWorld("a b a a c b a");
    await openSubjectCounts(world, await world.placeOf(6));
    const back = await openSubjectCounts(world, await world.placeOf(3));
    expect(await back.number(await world.read(3, 4))).toEqual([3]);
    const other = { ...(await openWorld("a a a a a a a", "other")), catalogue: world.catalogue };
    const counts = await openSubjectCounts(other, await other.placeOf(6));
    expect(await counts.number(await other.read(6, 7))).toEqual([7]);
  });

  test("are not written over by one who slept while another went on", async () => {
    const world = await openWorld("a b a a c b a");
    const slept = await openSubjectCounts(world, START);
    await slept.number(await world.read(0, 2));
    await openSubjectCounts(world, await world.placeOf(5));
    await expect(slept.commit(await world.placeOf(2))).rejects.toThrow(ModelUnavailable);
    const after = await openSubjectCounts(world, await world.placeOf(5));
    expect(await after.number(await world.read(5, 6))).toEqual([2]);
  });
});
