import { describe, expect, test } from "@jest/globals";
import type { Body } from "../ports/event-stream.ts";
import { readAll, type StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents, sampleId } from "./sample-event.ts";

export function describeLookingUp(use: () => StreamFixture): void {
  describe("looking up", () => {
    describeKnown(use);
    describeBodies(use);
  });
}

function describeKnown(use: () => StreamFixture): void {
  test("nothing is known on an empty stream", async () => {
    const { stream } = use();
    expect(await stream.findByIds([sampleId(1)])).toEqual({
      head: await stream.head(),
      known: new Map(),
    });
    expect((await stream.findByIds([])).known.size).toBe(0);
  });

  test("known ids answer with their event as it is read, unknown ones not at all", async () => {
    const { stream } = use();
    await stream.append(0, sampleEvents(1, 30));
    const ids = [sampleId(7), sampleId(99), sampleId(30), sampleId(7)];
    const { head, known } = await stream.findByIds(ids);
    const all = await readAll(stream);
    expect(head).toEqual(await stream.head());
    expect([...known.keys()].sort()).toEqual([sampleId(7), sampleId(30)]);
    expect(known.get(sampleId(7))).toEqual({ event: all[6], amendments: [] });
  });

  test("many ids at once", async () => {
    const { stream } = use();
    for (const at of [0, 1000, 2000]) await stream.append(at, sampleEvents(at + 1, at + 1000));
    const ids = Array.from({ length: 6000 }, (_, at) => sampleId(at + 1));
    expect((await stream.findByIds(ids)).known.size).toBe(3000);
  });

  test("what later events said of an event comes with it, in order", async () => {
    const { stream } = use();
    const about = sampleId(1);
    await stream.append(0, sampleEvents(1, 2));
    await stream.append(2, [
      sampleEvent(3, { type: "FactSeen", about }),
      sampleEvent(4, { type: "FactSeen", about: sampleId(2) }),
      sampleEvent(5, { type: "FactCorrected", about }),
    ]);
    await stream.append(5, [sampleEvent(6, { type: "FactWithdrawn", about })]);
    const { known } = await stream.findByIds([about, sampleId(2), about]);
    const all = await readAll(stream);
    expect(known.get(about)?.amendments).toEqual([all[2], all[4], all[5]]);
    expect(known.get(sampleId(2))?.amendments).toEqual([all[3]]);
  });

  test("positions are those of the events, and of what amends them", async () => {
    const { stream } = use();
    const about = sampleId(1);
    await stream.append(0, sampleEvents(1, 2));
    await stream.append(2, [
      sampleEvent(3, { type: "FactSeen", about }),
      sampleEvent(4, { type: "FactSeen", about: sampleId(2) }),
    ]);
    await stream.append(4, [sampleEvent(5, { type: "FactWithdrawn", about })]);
    const found = await stream.findPositions([sampleId(4), about, sampleId(99), about]);
    expect(Object.fromEntries(found)).toEqual({
      [about]: { position: 1, amendments: [3, 5] },
      [sampleId(4)]: { position: 4, amendments: [] },
    });
    expect((await stream.findPositions([])).size).toBe(0);
  });

  test("positions of many ids at once, in any order", async () => {
    const { stream } = use();
    for (const at of [0, 1000, 2000]) await stream.append(at, sampleEvents(at + 1, at + 1000));
    const ids = Array.from({ length: 10_000 }, (_, at) => sampleId(10_000 - at));
    const found = await stream.findPositions(ids);
    expect(found.size).toBe(3000);
    for (let at = 1; at <= 3000; at += 1) expect(found.get(sampleId(at))?.position).toBe(at);
  });

  test("the answer belongs to the head that it names, beside racing appends", async () => {
    const { stream, openAnother } = use();
    const writer = await openAnother();
    const ids = Array.from({ length: 200 }, (_, at) => sampleId(at + 1));
    const writing = (async () => {
      for (let at = 0; at < 200; at += 2) {
        await writer.append(at, [sampleEvent(at + 1), sampleEvent(at + 2, { about: sampleId(1) })]);
      }
    })();
    for (let rounds = 0; rounds < 40; rounds += 1) {
      const { head, known } = await stream.findByIds(ids);
      expect(known.size).toBe(head.position);
      expect(known.get(sampleId(1))?.amendments.length ?? 0).toBe(head.position / 2);
    }
    await writing;
  });

  test("an answer does not change afterwards", async () => {
    const { stream } = use();
    await stream.append(0, [sampleEvent(1)]);
    const before = await stream.findByIds([sampleId(1), sampleId(2)]);
    await stream.append(1, [sampleEvent(2, { about: sampleId(1) })]);
    expect(before.known.get(sampleId(1))?.amendments).toEqual([]);
    expect(before.known.has(sampleId(2))).toBe(false);
  });
}

function describeBodies(use: () => StreamFixture): void {
  const bodyOf = (bytes: Uint8Array): Body => ({
    sha256: use().harness.hashing.sha256(bytes),
    bytes,
  });

  test("a body that is not there is null", async () => {
    expect(await use().stream.body("a".repeat(64))).toBeNull();
  });

  test.each([
    ["0 bytes", 0, ArrayBuffer],
    ["1 byte", 1, ArrayBuffer],
    ["5 MiB", 5 * 1024 * 1024, ArrayBuffer],
    ["5 MiB that threads share", 5 * 1024 * 1024, SharedArrayBuffer],
  ])("a body of %s comes back byte for byte", async (_name, size, Memory) => {
    const { stream, openAnother } = use();
    const content = new Uint8Array(new Memory(size));
    for (let at = 0; at < size; at += 1) content[at] = (at * 31 + (at >> 8)) & 0xff;
    const { sha256, bytes } = bodyOf(content);
    await stream.append(0, [sampleEvent(1)], [{ sha256, bytes }]);
    const read = await (await openAnother()).body(sha256);
    expect(read?.length).toBe(size);
    expect(Buffer.compare(Buffer.from(read ?? []), Buffer.from(bytes))).toBe(0);
  });

  test("several come by one call, whatever their order; those that are not there are left out", async () => {
    const { stream, openAnother } = use();
    const several = Array.from({ length: 40 }, (_, at) => bodyOf(new Uint8Array([at, 1, 2])));
    await stream.append(0, [sampleEvent(1)], several);
    const digests = [...several.map(({ sha256 }) => sha256).reverse(), "a".repeat(64)];
    const found = await (await openAnother()).bodies([...digests, ...digests]);
    expect(found.size).toBe(40);
    for (const { sha256, bytes } of several)
      expect([...(found.get(sha256) ?? [])]).toEqual([...bytes]);
    expect((await stream.bodies([])).size).toBe(0);
  });

  test("a body that is there already is left alone", async () => {
    const { stream } = use();
    const [first, second] = [bodyOf(new Uint8Array([1, 2])), bodyOf(new Uint8Array([3]))];
    await stream.append(0, [sampleEvent(1)], [first]);
    const both = [{ ...first, bytes: second.bytes }, second];
    expect(await stream.append(1, [sampleEvent(2)], both)).toMatchObject({ outcome: "appended" });
    expect([...((await stream.body(first.sha256)) ?? [])]).toEqual([1, 2]);
    expect([...((await stream.body(second.sha256)) ?? [])]).toEqual([3]);
  });
}
