import { binaryEvent } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import { AS_ANYBODY, useDouble } from "./use-double.ts";

const MIB = 1024 * 1024;

/** One event of "Sample" (six letters, counted twice) with so much data and metadata. */
const eventOf = (data: number, metadata: number) =>
  binaryEvent({ type: "Sample", data: Buffer.alloc(data), metadata: Buffer.alloc(metadata, 32) });

describe("the double's limits", () => {
  const use = useDouble();
  const append = (events: ReturnType<typeof eventOf>[]) =>
    use().client().appendToStream("s", events, AS_ANYBODY);

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

  test("since 25.1 a whole append may be larger", async () => {
    use().settings.maxAppendSize = 256 * MIB;
    expect(await append([eventOf(2 * MIB, 0), eventOf(3 * MIB, 0)])).toMatchObject({
      success: true,
    });
    expect(use().streams.everything("s")).toHaveLength(2);
  });
});
