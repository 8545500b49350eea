import { binaryEvent, NO_STREAM } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import { RECORD_BYTES_MAX } from "./commit.ts";
import { appendOptions, proposed, rawAppend, rawClient } from "./raw-calls.ts";
import { ANYBODY, type DoubleFixture, useDouble, type WayToAppend } from "./use-double.ts";

const MIB = 1024 * 1024;
const WAYS: readonly WayToAppend[] = ["Append", "BatchAppend"];

/** One event of "Sample" (six letters, counted twice) with so much data and metadata. */
const eventOf = (data: number, metadata: number) =>
  binaryEvent({ type: "Sample", data: Buffer.alloc(data), metadata: Buffer.alloc(metadata, 32) });

describe.each(WAYS)("the double's limits, by %s", (way) => {
  const use = useDouble();
  const credentials = way === "Append" ? { credentials: ANYBODY } : {};
  const append = (events: ReturnType<typeof eventOf>[]) =>
    use()
      .client()
      .appendToStream("s", events, { expectedRevision: NO_STREAM, ...credentials });

  test.each([
    { counted: "all", sizes: [[MIB - 12, 0]], taken: true },
    { counted: "all", sizes: [[MIB - 11, 0]], taken: false },
    { counted: "all", sizes: [[MIB - 112, 100]], taken: true },
    { counted: "all", sizes: [[MIB - 111, 100]], taken: false },
    {
      counted: "all",
      sizes: [
        [MIB / 2, 0],
        [MIB / 2 - 24, 0],
      ],
      taken: true,
    },
    {
      counted: "all",
      sizes: [
        [MIB / 2, 0],
        [MIB / 2 - 23, 0],
      ],
      taken: false,
    },
    { counted: "data", sizes: [[MIB, 500]], taken: true },
    { counted: "data", sizes: [[MIB + 1, 0]], taken: false },
  ] as const)("counting $counted of $sizes", async ({ counted, sizes, taken }) => {
    use().settings.counted = counted;
    const answer = append(sizes.map(([data, metadata]) => eventOf(data, metadata)));
    if (taken) return expect(await answer).toMatchObject({ success: true });
    const type = "maximum-append-size-exceeded";
    await expect(answer).rejects.toMatchObject({ type, maxAppendSize: MIB });
    expect(use().streams.everything("s")).toEqual([]);
  });

  test("since 25.1 a whole append may be larger, a record not", async () => {
    use().settings.maxAppendSize = 256 * MIB;
    expect(await append([eventOf(2 * MIB, 0), eventOf(3 * MIB, 0)])).toMatchObject({
      success: true,
    });
    await expect(append([eventOf(RECORD_BYTES_MAX, 0)])).rejects.toMatchObject({ type: "unknown" });
    expect(use().streams.everything("s")).toHaveLength(2);
  });
});

describe("the double's other limits", () => {
  const use = useDouble();

  test("a message above 16 MiB less 10,000 is refused", async () => {
    use().settings.maxAppendSize = 256 * MIB;
    const client = rawClient(use().port);
    const event = proposed({ id: crypto.randomUUID(), type: "A", contentType: "b" });
    event.getProposedMessage()?.setData(new Uint8Array(RECORD_BYTES_MAX));
    expect(await rawAppend(client, [appendOptions("s"), event])).toMatchObject({ code: 8 });
    client.close();
  });

  test("the 101st open call waits for one of the others to end", async () => {
    const client = use().client();
    const subscriptions = Array.from({ length: 100 }, () => client.subscribeToStream("s"));
    await Promise.all(
      subscriptions.map((each) => new Promise((go) => each.once("confirmation", go))),
    );
    expect(use().openCalls("Read")).toBe(100);
    const late = client.subscribeToStream("s");
    const confirmed = new Promise((resolve) => late.once("confirmation", resolve));
    expect(await Promise.race([confirmed, another(use(), 20)])).toBe("nothing");
    await subscriptions[0]?.unsubscribe();
    await confirmed;
  });
});

/** A number of round trips on a connection of their own. */
async function another({ port }: DoubleFixture, trips: number): Promise<string> {
  const client = rawClient(port);
  for (let at = 0; at < trips; at += 1) await rawAppend(client, [appendOptions("other")]);
  client.close();
  return "nothing";
}
