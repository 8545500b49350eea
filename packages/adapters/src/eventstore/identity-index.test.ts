import { EventIdTaken, StreamForked } from "@counterfoil/processing/ports/errors";
import { sampleEvent, sampleEvents, sampleId } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import type { IdentityIndex } from "./identity-index.ts";
import { createMemoryIdentityIndex } from "./testing/memory-identity-index.ts";
import { HASTY, LEDGER, openLedgerOn, useDouble } from "./testing/use-double.ts";

const use = useDouble();

/** Counts the calls that read events of the ledger. */
function countReads(): () => number {
  const read = use().streams.read;
  let reads = 0;
  Object.assign(use().streams, {
    read: (name: string, lagging?: number) => {
      if (name === `ledger-${LEDGER}`) reads += 1;
      return read(name, lagging);
    },
  });
  return () => reads;
}

async function ledgerOf(count: number): Promise<void> {
  const stream = await openLedgerOn(use());
  for (let at = 0; at < count; at += 600) {
    await stream.append(at, sampleEvents(at + 1, Math.min(at + 600, count)));
  }
}

describe("an index of a stream", () => {
  test("is built from an empty one, in steps", async () => {
    await ledgerOf(1300);
    const index = createMemoryIdentityIndex();
    const stream = await openLedgerOn(use(), { index });
    const { head, known } = await stream.findByIds([sampleId(1), sampleId(1300), sampleId(1301)]);
    expect([...known.keys()]).toEqual([sampleId(1), sampleId(1300)]);
    expect(await index.checkpoint()).toEqual({ position: 1300, hash: head.hash });
  });

  test("follows the appends of its own process without reading them", async () => {
    const index = createMemoryIdentityIndex();
    const stream = await openLedgerOn(use(), { index });
    await stream.append(0, sampleEvents(1, 3));
    expect((await index.checkpoint()).position).toBe(3);
    const reads = countReads();
    expect((await stream.findByIds([sampleId(99)])).known.size).toBe(0);
    expect(reads()).toBe(1);
  });

  test("is caught up by several processes at once", async () => {
    await ledgerOf(1300);
    const index = createMemoryIdentityIndex();
    const streams = await Promise.all([1, 2, 3].map(() => openLedgerOn(use(), { index })));
    const answers = await Promise.all(streams.map((each) => each.findByIds([sampleId(1300)])));
    expect(answers.map(({ known }) => known.size)).toEqual([1, 1, 1]);
  });

  test("that was dropped is rebuilt", async () => {
    await ledgerOf(10);
    const index = createMemoryIdentityIndex();
    const stream = await openLedgerOn(use(), { index });
    await stream.findByIds([]);
    await index.clear();
    expect((await stream.findByIds([sampleId(10)])).known.size).toBe(1);
  });

  test("finds rare types without searching the stream", async () => {
    const index = createMemoryIdentityIndex();
    const stream = await openLedgerOn(use(), { index });
    await stream.append(0, [sampleEvent(1, { type: "LedgerOpened" }), ...sampleEvents(2, 900)]);
    await stream.append(900, [sampleEvent(901, { type: "ModelActivated" })]);
    const reads = countReads();
    const query = { after: 0, limit: 1000, types: ["LedgerOpened", "ModelActivated"] };
    expect((await stream.read(query)).map(({ position }) => position)).toEqual([1, 901]);
    // The head, and one for each of them.
    expect(reads()).toBe(3);
  });

  test("prevents a repeated id that its writer did not look up", async () => {
    await ledgerOf(5);
    const stream = await openLedgerOn(use());
    const repeated = stream.append(5, [...sampleEvents(6, 7), sampleEvent(2)]);
    await expect(repeated).rejects.toThrow(EventIdTaken);
    expect((await stream.head()).position).toBe(5);
  });

  test("finds ids that are far apart", async () => {
    await ledgerOf(1300);
    const stream = await openLedgerOn(use());
    const ids = Array.from({ length: 26 }, (_, at) => sampleId(50 * at + 1));
    const { known } = await stream.findByIds(ids);
    expect([...known.values()].map(({ event }) => event.id)).toEqual(ids);
  });
});

describe("an index of another stream", () => {
  const other = async (count: number): Promise<IdentityIndex> => {
    const index = createMemoryIdentityIndex();
    const hash = "e".repeat(64);
    await index.advance({ position: 0, hash: "" }, { position: count, hash }, []);
    return index;
  };

  test.each([3, 5, 9])("that followed it up to position %i of 5 is noticed", async (count) => {
    await ledgerOf(5);
    const stream = await openLedgerOn(use(), { index: await other(count) });
    await expect(stream.findByIds([])).rejects.toThrow(StreamForked);
    await expect(stream.append(5, sampleEvents(6, 6))).rejects.toThrow(StreamForked);
    await expect(stream.read({ after: 0, limit: 1, types: ["ModelActivated"] })).rejects.toThrow(
      /rebuild the index/,
    );
    expect(use().streams.everything(`ledger-${LEDGER}`)).toHaveLength(5);
  });

  test("does not affect calls that do not need it", async () => {
    await ledgerOf(5);
    const stream = await openLedgerOn(use(), { index: await other(9) });
    expect(await stream.read({ after: 3, limit: 9 })).toHaveLength(2);
  });

  test("that another process has advanced meanwhile is waited for, and no error", async () => {
    await ledgerOf(5);
    const index = createMemoryIdentityIndex();
    const timing = { ...HASTY, replicationMs: 30_000 };
    const stream = await openLedgerOn(use(), { index, timing });
    await stream.findByIds([]);
    use().settings.laggingEvents = 1;
    const looking = stream.findByIds([sampleId(5)]);
    setTimeout(() => {
      use().settings.laggingEvents = 0;
    }, 50);
    expect((await looking).known.size).toBe(1);
  });
});
