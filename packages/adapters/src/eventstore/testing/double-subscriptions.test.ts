import { binaryEvent, END, NO_STREAM } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import { AS_ANYBODY, useDouble } from "./use-double.ts";

const use = useDouble();

async function write(...names: string[]): Promise<void> {
  const events = names.map((name) => binaryEvent({ type: name, data: Buffer.from("{}") }));
  const last = use().streams.lastRevision("s");
  const expectedRevision = last < 0 ? NO_STREAM : BigInt(last);
  await use()
    .client()
    .appendToStream("s", events, { ...AS_ANYBODY, expectedRevision });
}

/** What a subscriber hears, in order; it resolves when something that is asked for is heard. */
function listen() {
  const heard: string[] = [];
  let notify = () => {};
  const hear = (what: string) => {
    heard.push(what);
    notify();
  };
  const subscription = use().client().subscribeToStream("s", { fromRevision: END });
  subscription
    .on("confirmation", () => hear("confirmed"))
    .on("caughtUp", () => hear("caught up"))
    .on("fellBehind", () => hear("fell behind"))
    .on("error", (error) => hear((error as unknown as { type: string }).type))
    .on("end", () => hear("end"))
    .on("close", () => hear("close"))
    .on("data", ({ event }) => hear(`${event?.type} ${event?.revision}`));
  const until = async (what: string) => {
    while (!heard.includes(what)) {
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
    return heard;
  };
  return { subscription, until, heard };
}

describe("subscriptions of the double", () => {
  test("begin with what is new", async () => {
    await write("a", "b", "c");
    const { until } = listen();
    expect(await until("caught up")).toEqual(["confirmed", "caught up"]);
    await write("d", "e", "f");
    const heard = await until("f 5");
    expect(heard.filter((what) => / \d$/.test(what))).toEqual(["d 3", "e 4", "f 5"]);
    expect(heard).not.toContain("fell behind");
  });

  test("of a stream that comes later", async () => {
    const { until } = listen();
    await until("caught up");
    await write("a");
    await until("a 0");
  });

  test("end with the stream: its tombstone, then an error", async () => {
    await write("a");
    const { until, heard } = listen();
    await until("caught up");
    use().streams.tombstone("s");
    await until("stream-deleted");
    expect(heard).toContain("$streamDeleted 9223372036854775807");
  });

  test("hear nothing of a soft delete", async () => {
    await write("a");
    const { until } = listen();
    await until("caught up");
    use().streams.softDelete("s");
    await write("b");
    expect((await until("b 1")).filter((what) => what !== "caught up")).toEqual([
      "confirmed",
      "b 1",
    ]);
  });

  test("end with the connection: one error, and no other subscription", async () => {
    await write("a");
    const { until, heard } = listen();
    await until("caught up");
    use().network.cut();
    await until("unavailable");
    await write("b");
    expect(heard).toEqual(["confirmed", "caught up", "unavailable"]);
    expect(use().openCalls("Read")).toBe(0);
  });

  test("end when they are told to", async () => {
    const { subscription, until } = listen();
    await until("confirmed");
    await subscription.unsubscribe();
    await until("close");
  });
});
