import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { AppendTooLarge } from "@counterfoil/processing/ports/errors";
import { sampleEvent, sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { decodeEvent, encodeEvent } from "./stored-event.ts";
import { openLedgerOn, STREAM, useDouble } from "./testing/use-double.ts";
import { APPEND_COUNTED_MAX, checkAppendSize, countedSize } from "./write.ts";

const { about: _, ...sample } = sampleEvent(7, { data: '{ "n" : 1.0 }' });
const EVENT: RecordedEvent = {
  ...sample,
  position: 7,
  recorded_at: 7_289_654_399_999_999_999n,
  hash: "d67c3f95e2d70aebe10011775eec2c92fb41d18fa9e0c3b0ad62e614a025bbb1",
};

describe("an event on the server", () => {
  test("keeps its data byte for byte as JSON, and the rest in the metadata", () => {
    const { contentType, data, metadata, type } = encodeEvent(
      { event: EVENT, amends: "x" },
      crypto.randomUUID(),
    );
    expect({ contentType, type }).toEqual({ contentType: "application/json", type: EVENT.type });
    expect(Buffer.from(data).toString()).toBe('{ "n" : 1.0 }');
    expect(JSON.parse(Buffer.from(metadata).toString())).toEqual({
      id: EVENT.id,
      position: 7,
      schema_version: 1,
      subject: EVENT.subject,
      occurred_at: "1638189426534066008",
      recorded_at: "7289654399999999999",
      causation_id: EVENT.causation_id,
      correlation_id: null,
      hash: EVENT.hash,
      about: "x",
    });
  });

  test("is decoded to the same event", () => {
    const server = encodeEvent({ event: EVENT, amends: null }, crypto.randomUUID());
    expect(decodeEvent({ ...server, revision: 6 })).toEqual({ event: EVENT, amends: null });
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["another position", { position: 8 }],
    ["no id", { id: undefined }],
    ["a time that is a number", { recorded_at: 1 }],
    ["a time that is no time", { occurred_at: "today" }],
    ["no hash", { hash: null }],
    ["a version that is text", { schema_version: "1" }],
  ])("with %s is none of ours", (_, changes) => {
    const server = encodeEvent({ event: EVENT, amends: null }, crypto.randomUUID());
    const columns = { ...JSON.parse(Buffer.from(server.metadata).toString()), ...changes };
    const stored = { ...server, revision: 6, metadata: Buffer.from(JSON.stringify(columns)) };
    expect(decodeEvent(stored)).toBeNull();
  });

  test.each(["", "null", "no JSON", "[]"])("with the metadata %j is none of ours", (text) => {
    const bytes = { metadata: Buffer.from(text), data: Buffer.from("{}") };
    expect(decodeEvent({ revision: 6, id: crypto.randomUUID(), type: "A", ...bytes })).toBeNull();
  });
});

describe("on the wire", () => {
  const use = useDouble();

  test("the server's ids are new for every write, the ledger's stay", async () => {
    const [one, two] = [await openLedgerOn(use()), await openLedgerOn(use())];
    await one.append(0, sampleEvents(1, 2));
    await two.append(2, sampleEvents(3, 4));
    const ids = use()
      .streams.everything(STREAM)
      .map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(ids).not.toContain(sampleEvent(1).id);
  });

  test("the server's own browser shows the facts", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 1));
    for await (const { event } of use().client().readStream(STREAM)) {
      expect(event).toMatchObject({
        isJson: true,
        data: { movement_id: "m1" },
        metadata: { id: sampleEvent(1).id, position: 1 },
      });
    }
  });
});

describe("the size of an append", () => {
  const use = useDouble();
  const eventsOf = (bytes: number) => {
    const event = (data: number) => ({
      id: crypto.randomUUID(),
      type: "Sample",
      contentType: "application/json" as const,
      metadata: Buffer.alloc(100),
      data: Buffer.alloc(data),
    });
    return [event(1000), event(bytes - 1000 - 2 * 112)];
  };

  test("counts data, metadata and twice the type", () => {
    expect(
      eventsOf(5000)
        .map(countedSize)
        .reduce((sum, size) => sum + size),
    ).toBe(5000);
  });

  test("is limited", () => {
    checkAppendSize(eventsOf(APPEND_COUNTED_MAX));
    const tooLarge = () => checkAppendSize(eventsOf(APPEND_COUNTED_MAX + 1));
    expect(tooLarge).toThrow(AppendTooLarge);
    expect(tooLarge).toThrow(/2 events of 1000001 bytes .* takes 1000000 bytes/);
  });

  test("above the limit nothing is sent, not even bodies", async () => {
    const stream = await openLedgerOn(use());
    const data = `"${"x".repeat(1_000_000)}"`;
    const body = { sha256: "a".repeat(64), bytes: new Uint8Array(1) };
    const tooLarge = stream.append(0, [sampleEvent(1, { data })], [body]);
    await expect(tooLarge).rejects.toThrow(AppendTooLarge);
    expect(use().streams.names()).toEqual([]);
    expect(await stream.append(0, sampleEvents(1, 1))).toMatchObject({ outcome: "appended" });
  });

  test("that the server refuses nevertheless is reported", async () => {
    use().settings.maxAppendSize = 1000;
    const stream = await openLedgerOn(use());
    await expect(stream.append(0, sampleEvents(1, 9))).rejects.toThrow(/MaxAppendSize.* 1 MiB/);
  });
});
