import {
  BACKWARDS,
  binaryEvent,
  END,
  FORWARDS,
  jsonEvent,
  NO_STREAM,
  START,
} from "@eventstore/db-client";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { describe, expect, test } from "@jest/globals";
import { rawClient, rawRead, readOptions } from "./raw-calls.ts";
import { AS_ANYBODY, type DoubleFixture, useDouble } from "./use-double.ts";

const use = useDouble();

async function write(count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, at) =>
    binaryEvent({ type: "Sample", data: Buffer.from(`${at}`) }),
  );
  await use().client().appendToStream("s", events, AS_ANYBODY);
}

type ReadOptions = NonNullable<Parameters<ReturnType<DoubleFixture["client"]>["readStream"]>[1]>;

async function revisions(options: ReadOptions): Promise<number[]> {
  const found: number[] = [];
  for await (const { event } of use().client().readStream("s", options)) {
    found.push(Number(event?.revision));
  }
  return found;
}

const BACK = { direction: BACKWARDS } as const;

describe("reads of the double", () => {
  test.each<[string, ReadOptions, number[]]>([
    ["all", {}, [0, 1, 2, 3, 4]],
    ["from a revision, inclusive", { fromRevision: 3n }, [3, 4]],
    ["no more than asked for", { fromRevision: 1n, maxCount: 2 }, [1, 2]],
    ["past the end", { fromRevision: 5n }, []],
    ["backwards from the end", { ...BACK, fromRevision: END }, [4, 3, 2, 1, 0]],
    ["backwards from a revision", { ...BACK, fromRevision: 2n, maxCount: 2 }, [2, 1]],
    ["backwards from beyond the end", { ...BACK, fromRevision: 99n, maxCount: 2 }, [4, 3]],
    ["backwards from the start", { ...BACK, fromRevision: START }, [0]],
  ])("%s", async (_, options, expected) => {
    await write(5);
    expect(await revisions(options)).toEqual(expected);
  });

  const TRUNCATIONS = [
    { metadata: { $tb: 3 }, left: [3, 4] },
    { metadata: { $tb: 9 }, left: [] },
  ];
  test.each(TRUNCATIONS)("truncated by $metadata, in silence", async ({ metadata, left }) => {
    await write(5);
    use().streams.setMetadata("s", metadata);
    expect(await revisions({})).toEqual(left);
    expect(await revisions({ ...BACK, fromRevision: END })).toEqual([...left].reverse());
  });

  test("of a stream that is missing, soft-deleted or only has metadata: not found", async () => {
    await expect(revisions({})).rejects.toMatchObject({ type: "stream-not-found" });
    use().streams.setMetadata("s", { $maxCount: 1 });
    await expect(revisions({})).rejects.toMatchObject({ type: "stream-not-found" });
    await write(2);
    use().streams.softDelete("s");
    await expect(revisions({})).rejects.toMatchObject({ type: "stream-not-found" });
  });

  test("of a tombstone: deleted", async () => {
    await write(1);
    use().streams.tombstone("s");
    await expect(revisions({})).rejects.toMatchObject({ type: "stream-deleted" });
  });

  test("carry no position and say what the client parses", async () => {
    const data = { a: 1 };
    const metadata = { b: 2 };
    const event = jsonEvent({ type: "Sample", data, metadata });
    await use().client().appendToStream("s", event, AS_ANYBODY);
    for await (const read of use().client().readStream("s")) {
      expect(read.commitPosition).toBeUndefined();
      expect(read.event).toMatchObject({ id: event.id, isJson: true, data, metadata });
      expect(read.event?.position).toEqual({ commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 1n });
    }
  });

  test("19 MiB come whole and in order to a reader that takes them one by one", async () => {
    for (let at = 0; at < 20; at += 1) {
      const events = Array.from({ length: 15 }, () =>
        binaryEvent({ type: "Sample", data: Buffer.alloc(64 * 1024) }),
      );
      const expectedRevision = at === 0 ? NO_STREAM : BigInt(15 * at - 1);
      await use()
        .client()
        .appendToStream("s", events, { ...AS_ANYBODY, expectedRevision });
    }
    const client = use().client();
    let count = 0;
    for await (const { event } of client.readStream("s", { direction: FORWARDS })) {
      expect(event?.revision).toBe(BigInt(count));
      count += 1;
      if (count % 30 === 0) await new Promise(setImmediate);
    }
    expect(count).toBe(300);
  });
});

describe("reads that the double refuses", () => {
  const empty = () => new shared.Empty();
  const { ReadDirection } = streams.ReadReq.Options;
  type Options = InstanceType<typeof streams.ReadReq.Options>;
  const subscribing = (options: Options) =>
    options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());

  test.each<[string, (options: Options) => unknown, number]>([
    ["without a way to write ids", (options) => options.clearUuidOption(), 3],
    ["of no events", (options) => options.setCount("0"), 2],
    ["forwards from the end", (options) => options.getStream()?.setEnd(empty()), 2],
    ["of no stream", (options) => options.clearStream(), 3],
    [
      "that subscribe backwards",
      (options) => subscribing(options).setReadDirection(ReadDirection.BACKWARDS),
      3,
    ],
  ])("%s", async (_, spoil, code) => {
    await write(1);
    const options = readOptions("s");
    spoil(options);
    const client = rawClient(use().port);
    expect(await rawRead(client, options)).toMatchObject({ kinds: [], code });
    client.close();
  });

  test("a missing stream is a message, not an error", async () => {
    const client = rawClient(use().port);
    expect(await rawRead(client, readOptions("s"))).toMatchObject({
      kinds: ["STREAM_NOT_FOUND"],
      code: 0,
    });
    client.close();
  });
});
