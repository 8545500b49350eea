import { binaryEvent, EventStoreDBClient } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import { startEventStoreDouble } from "./eventstore-double.ts";
import type { CommitFault } from "./node.ts";
import { appendOptions, proposed, rawAppend, rawClient } from "./raw-calls.ts";
import { AS_ANYBODY, useDouble } from "./use-double.ts";

const use = useDouble();
const event = () => binaryEvent({ type: "Sample", data: Buffer.from("{}") });
const stored = () => use().streams.everything("s").length;

describe("errors of the double", () => {
  /** How the official client names what became of an append. */
  test.each<[CommitFault, object, boolean]>([
    ["denied", { type: "access-denied", code: 7 }, false],
    ["not_ready", { type: "unavailable", code: 14 }, false],
    ["timeout_lost", { type: "timeout", code: 10 }, false],
    ["timeout_written", { type: "timeout", code: 10 }, true],
    ["die_before", { type: "unavailable" }, false],
    ["die_after", { type: "unavailable" }, true],
  ])("%s", async (fault, ending, written) => {
    use().settings.faultOf = () => fault;
    const append = use().client().appendToStream("s", event(), AS_ANYBODY);
    await expect(append).rejects.toMatchObject(ending);
    expect(stored()).toBe(written ? 1 : 0);
  });

  test.each(["freeze_before", "freeze_after"] as const)(
    "Append, %s: the client's deadline",
    async (fault) => {
      await use().client().appendToStream("connected", event(), AS_ANYBODY);
      use().settings.faultOf = () => fault;
      const options = { ...AS_ANYBODY, deadline: 1_000 };
      const append = use().client().appendToStream("s", event(), options);
      await expect(append).rejects.toMatchObject({ type: "deadline-exceeded", code: 4 });
      expect(stored()).toBe(fault === "freeze_after" ? 1 : 0);
    },
  );

  test("Append, late: written, and too late for the deadline", async () => {
    await use().client().appendToStream("connected", event(), AS_ANYBODY);
    use().settings.faultOf = () => ({ lateMs: 2_000 });
    const options = { ...AS_ANYBODY, deadline: 1_000 };
    await expect(use().client().appendToStream("s", event(), options)).rejects.toThrow();
    expect(stored()).toBe(1);
  });
});

describe("an Append that is none", () => {
  const id = crypto.randomUUID();
  const good = { id, type: "Sample", contentType: "application/json" };
  type Messages = Parameters<typeof rawAppend>[1];
  const options = () => appendOptions("s");

  test.each<[string, () => Messages, object]>([
    ["no messages", () => [], { code: 3 }],
    ["no options", () => [proposed(good)], { code: 3 }],
    ["options at the end", () => [proposed(good), options()], { code: 3 }],
    ["options twice", () => [options(), options()], { code: 3 }],
    ["no id", () => [options(), proposed({ ...good, id: "" })], { code: 3 }],
    [
      "the nil id",
      () => [options(), proposed({ ...good, id: "00000000-0000-0000-0000-000000000000" })],
      { code: 3 },
    ],
    ["a malformed id", () => [options(), proposed({ ...good, id: "7" })], { code: 3 }],
    ["an empty type", () => [options(), proposed({ ...good, type: "" })], { code: 3 }],
    [
      "no type",
      () => [options(), proposed({ id, contentType: "a/b" })],
      { code: 3, metadata: expect.anything() },
    ],
    ["no content type", () => [options(), proposed({ id, type: "A" })], { code: 3 }],
  ])("with %s is refused, and nothing is written", async (_, messages, error) => {
    const client = rawClient(use().port);
    expect(await rawAppend(client, messages())).toMatchObject(error);
    expect(stored()).toBe(0);
    client.close();
  });

  test.each(["type", "content-type"])("the missing key %s has a name of its own", async (key) => {
    const client = rawClient(use().port);
    const parts = key === "type" ? { id, contentType: "a/b" } : { id, type: "A" };
    const error = await rawAppend(client, [options(), proposed(parts)]);
    const trailers = typeof error === "string" ? {} : error.metadata.getMap();
    expect(trailers).toMatchObject({
      exception: "missing-required-metadata-property",
      "required-metadata-properties": key,
    });
    client.close();
  });

  test("nothing is written before the client is done", async () => {
    const client = rawClient(use().port);
    await rawAppend(client, [appendOptions("other"), proposed(good)]);
    for (let at = 0; at < 20; at += 1) {
      const sink = client.append(() => {});
      sink.on("error", () => {});
      sink.write(options());
      sink.write(proposed({ ...good, id: crypto.randomUUID() }));
      expect(await rawAppend(client, [appendOptions("other", 0)])).toBe("ok 0");
      expect(stored()).toBe(0);
      sink.cancel();
      expect(await rawAppend(client, [appendOptions("other", 0)])).toBe("ok 0");
      expect(stored()).toBe(0);
    }
    client.close();
  });

  test("of nothing, to no stream, says that there is none", async () => {
    const client = rawClient(use().port);
    const revision = await new Promise((resolve) => {
      const sink = client.append((_, response) => {
        const success = response.getSuccess();
        resolve([success?.hasNoStream(), success?.hasNoPosition(), success?.hasPosition()]);
      });
      sink.write(options());
      sink.end();
    });
    expect(revision).toEqual([true, true, false]);
    client.close();
  });
});

describe("metadata", () => {
  test("of a stream without any is none", async () => {
    expect((await use().client().getStreamMetadata("s")).metadata).toBeUndefined();
  });

  test("is the last event beside the stream, and a soft delete in it is a large number", async () => {
    const client = use().client();
    await client.appendToStream("s", event(), AS_ANYBODY);
    use().streams.setMetadata("s", { $maxCount: 7, $maxAge: 60, $tb: 0 });
    const metadata = { maxCount: 7, maxAge: 60, truncateBefore: 0 };
    expect((await client.getStreamMetadata("s")).metadata).toEqual(metadata);
    use().streams.softDelete("s");
    const { metadata: deleted } = await client.getStreamMetadata("s");
    expect(deleted?.truncateBefore).toBeGreaterThanOrEqual(Number.MAX_SAFE_INTEGER);
    await client.appendToStream("s", event(), AS_ANYBODY);
    expect((await client.getStreamMetadata("s")).metadata?.truncateBefore).toBe(1);
  });
});

describe("a follower", () => {
  test("names the leader to who wants it", async () => {
    const follower = await startEventStoreDouble({ streams: use().streams });
    follower.settings.leader = { host: "127.0.0.1", port: use().port };
    const client = EventStoreDBClient.connectionString(follower.url);
    const strict = { ...AS_ANYBODY, requiresLeader: true };
    const leader = { address: "127.0.0.1", port: use().port };
    await expect(client.appendToStream("s", event(), strict)).rejects.toMatchObject({
      type: "not-leader",
      code: 5,
      leader,
    });
    await client.appendToStream("s", event(), strict);
    expect(stored()).toBe(1);
    await client.dispose();
    await follower.close();
  });
});

test("what the client asks for appends of its own is noted", async () => {
  const { credentials: _, ...byItself } = AS_ANYBODY;
  await use().client().appendToStream("s", event(), byItself);
  expect([...use().seen]).toEqual(["GetSupportedMethods", "Append"]);
});

test("a call that a client left open fails its test", async () => {
  // The call is open, and nobody hangs up: there is nothing to be patient with.
  const double = await startEventStoreDouble({ leakPatienceMs: 100 });
  const client = rawClient(double.port);
  const sink = client.append(() => {});
  sink.on("error", () => {});
  sink.write(appendOptions("s"));
  while (double.openCalls("Append") === 0) await new Promise(setImmediate);
  await expect(double.close()).rejects.toThrow("calls left open: 1 Append");
  client.close();
});
