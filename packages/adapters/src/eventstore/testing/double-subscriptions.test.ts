import { binaryEvent, END, type EventStoreDBClient, START } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import { ANYBODY, useDouble } from "./use-double.ts";

const use = useDouble();

async function write(...names: string[]): Promise<void> {
  const events = names.map((name) => binaryEvent({ type: name, data: Buffer.from("{}") }));
  await use().client().appendToStream("s", events, { credentials: ANYBODY });
}

type From = NonNullable<Parameters<EventStoreDBClient["subscribeToStream"]>[1]>["fromRevision"];

/** What a subscriber hears, in order; it resolves when something that is asked for is heard. */
function listen(fromRevision: From) {
  const heard: string[] = [];
  let notify = () => {};
  const hear = (what: string) => {
    heard.push(what);
    notify();
  };
  const subscription = use()
    .client()
    .subscribeToStream("s", fromRevision ? { fromRevision } : {});
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
  test.each<[string, From, string[]]>([
    ["from the start: all", START, ["a 0", "b 1", "c 2"]],
    ["from a revision: what is behind it", 1n, ["c 2"]],
    ["from beyond the head: nothing up to it", 4n, []],
    ["from the end: what is new", END, []],
  ])("%s", async (_, from, old) => {
    await write("a", "b", "c");
    const { until } = listen(from);
    expect(await until("caught up")).toEqual(["confirmed", ...old, "caught up"]);
    await write("d", "e", "f");
    const news = from === 4n ? ["f 5"] : ["d 3", "e 4", "f 5"];
    const heard = await until("f 5");
    expect(heard.filter((what) => / \d$/.test(what))).toEqual([...old, ...news]);
    expect(heard).not.toContain("fell behind");
  });

  test("of a stream that comes later", async () => {
    const { until } = listen(START);
    await until("caught up");
    await write("a");
    await until("a 0");
  });

  test("do not say that they caught up where the server is old", async () => {
    use().settings.caughtUp = false;
    await write("a");
    const { until } = listen(START);
    await until("a 0");
    await write("b");
    expect(await until("b 1")).toEqual(["confirmed", "a 0", "b 1"]);
  });

  test("end with the stream: its tombstone, then an error", async () => {
    await write("a");
    const { until, heard } = listen(START);
    await until("caught up");
    await use().client().tombstoneStream("s");
    await until("stream-deleted");
    expect(heard).toContain("$streamDeleted 9223372036854775807");
  });

  test("hear nothing of a soft delete", async () => {
    await write("a");
    const { until } = listen(START);
    await until("caught up");
    await use().client().deleteStream("s");
    await write("b");
    expect((await until("b 1")).filter((what) => what !== "caught up")).toEqual([
      "confirmed",
      "a 0",
      "b 1",
    ]);
  });

  test("end with the connection: one error, and no other subscription", async () => {
    await write("a");
    const { until, heard } = listen(END);
    await until("caught up");
    use().network.cut();
    await until("unavailable");
    await write("b");
    expect(heard).toEqual(["confirmed", "caught up", "unavailable"]);
    expect(use().openCalls("Read")).toBe(0);
  });

  test("end when they are told to", async () => {
    const { subscription, until } = listen(END);
    await until("confirmed");
    await subscription.unsubscribe();
    await until("close");
  });
});
