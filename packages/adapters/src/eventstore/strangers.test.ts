import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents, sampleId } from "@counterfoil/processing/testing/sample-event";
import { binaryEvent, jsonEvent } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeHashing as hashing } from "../node/runtime.ts";
import type { Stored } from "./testing/stored-streams.ts";
import { appendAsStranger, LEDGER, openLedgerOn, STREAM, useDouble } from "./testing/use-double.ts";

describe("an event of another client", () => {
  const use = useDouble();

  const last = () => use().streams.everything(STREAM).at(-1) as Stored;
  const intrude = (event: ReturnType<typeof jsonEvent | typeof binaryEvent>) =>
    appendAsStranger(use(), STREAM, event);

  test("is read as a foreign event, by new readers too, and the ledger's events follow it", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 3));
    await intrude(jsonEvent({ type: "Test", data: { a: 1 } }));
    expect((await stream.head()).position).toBe(4);
    expect(await stream.append(4, sampleEvents(4, 5))).toMatchObject({ outcome: "appended" });

    const events = await readAll(stream);
    const [, , before, foreign] = events as readonly RecordedEvent[];
    expect(foreign).toMatchObject({
      position: 4,
      type: "ForeignEvent",
      schema_version: 1,
      subject: "ledger",
      occurred_at: before?.occurred_at,
      recorded_at: before?.recorded_at,
      causation_id: null,
      correlation_id: null,
    });
    const stranger = use().streams.everything(STREAM)[3];
    expect(JSON.parse(foreign?.data ?? "")).toEqual({
      event_id: stranger?.id,
      event_type: "Test",
      sha256: hashing.sha256('{"a":1}'),
    });
    expect(brokenAt(events, { ledger: LEDGER, hashing })).toBeNull();

    const another = await openLedgerOn(use());
    expect(await readAll(another)).toEqual(events);
    expect(await another.head()).toEqual(await stream.head());
    expect(await another.read({ after: 0, limit: 9, types: ["ForeignEvent"] })).toEqual([foreign]);
    const { known } = await another.findByIds([sampleId(5), foreign?.id ?? ""]);
    expect([...known.values()].map(({ event }) => event.position).sort()).toEqual([4, 6]);
    const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: false });
    expect(verified.foreign).toEqual([{ position: 4, ...JSON.parse(foreign?.data ?? "") }]);
    expect(verified.findings.map(({ what }) => what)).not.toContain("hash");
  });

  test("between a read of the head and an append is a conflict", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 3));
    await intrude(jsonEvent({ type: "Test", data: {} }));
    expect(await stream.append(3, sampleEvents(4, 4))).toEqual({ outcome: "conflict" });
    expect(await stream.append(4, sampleEvents(4, 4))).toMatchObject({ outcome: "appended" });
  });

  /** Events that another client may send, made from existing ones. */
  const STRANGERS: readonly ((last: Stored) => Parameters<typeof intrude>[0])[] = [
    () => jsonEvent({ type: "Test", data: { a: 1 } }),
    () => binaryEvent({ type: "Bytes", data: new Uint8Array([0, 255, 254]) }),
    () => binaryEvent({ type: "Nothing", data: new Uint8Array() }),
    // A repeated event of the ledger.
    ({ type, data, metadata }) => binaryEvent({ type, data, metadata }),
    // In the ledger's format, at its position, with a hash that does not continue the chain.
    ({ type, data, metadata, revision }) => {
      const columns = { ...JSON.parse(`${Buffer.from(metadata)}` || "{}"), position: revision + 2 };
      const forged = { ...SHAPE, ...columns, hash: hashing.sha256(crypto.randomUUID()) };
      return binaryEvent({ type, data, metadata: Buffer.from(JSON.stringify(forged)) });
    },
  ];
  const SHAPE = {
    ...{ id: "x", schema_version: 1, subject: "s", occurred_at: null, recorded_at: "1" },
    ...{ causation_id: null, correlation_id: null, about: null },
  };

  test("is the same for every reader, from any start", async () => {
    const step = fc.oneof(fc.constant(null), fc.nat({ max: STRANGERS.length - 1 }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        for (const name of use().streams.names()) use().streams.forget(name);
        const stream = await openLedgerOn(use());
        await stream.append(0, sampleEvents(1, 1));
        for (const [at, stranger] of steps.entries()) {
          if (stranger !== null) await intrude(STRANGERS[stranger]?.(last()) as never);
          else await appendNext(stream, at + 2);
        }
        const events = await readAll(stream);
        expect(events).toHaveLength(steps.length + 1);
        expect(brokenAt(events, { ledger: LEDGER, hashing })).toBeNull();
        expect(events.slice(1).map(({ type }) => type === "ForeignEvent")).toEqual(
          steps.map((stranger) => stranger !== null),
        );
        const another = await openLedgerOn(use());
        for (let after = 0; after < events.length; after += 1) {
          const limit = 1 + (after % 3);
          const page = await another.read({ after, limit });
          expect(page).toEqual(events.slice(after, after + limit));
        }
        const { position, hash } = await another.head();
        expect([position, hash]).toEqual([events.length, events.at(-1)?.hash]);
        await another.close();
        await stream.close();
      }),
      { numRuns: 25 },
    );
  });

  async function appendNext(stream: EventStream, id: number): Promise<void> {
    const { position } = await stream.head();
    expect(await stream.append(position, sampleEvents(id, id))).toMatchObject({
      outcome: "appended",
    });
  }

  test("hundreds of them in a row delay no reader", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 3));
    const many = Array.from({ length: 700 }, () => jsonEvent({ type: "Test", data: {} }));
    await appendAsStranger(use(), STREAM, many);
    expect(await stream.append(703, sampleEvents(4, 4))).toMatchObject({ outcome: "appended" });
    const another = await openLedgerOn(use());
    const events = await readAll(another);
    expect(await another.read({ after: 690, limit: 20 })).toEqual(events.slice(690));
    expect(brokenAt(events, { ledger: LEDGER, hashing })).toBeNull();
  });

  test.each(["data", "metadata"] as const)("is no altered event of ours: %s", async (part) => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 8));
    const altered = use().streams.everything(STREAM)[4] as Stored;
    Object.assign(altered, { [part]: Buffer.from('{"altered":1}') });
    const reading = readAll(await openLedgerOn(use()));
    await expect(reading).rejects.toThrow(StreamCorrupted);
    await expect(reading).rejects.toThrow(/position [56] of stream .* is not what was recorded/);
    const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: false });
    expect(verified.findings.map(({ what }) => what)).toContain("unreadable");
  });
});
