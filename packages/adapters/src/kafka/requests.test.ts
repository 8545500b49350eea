import { describe, expect, test } from "@jest/globals";
import {
  type AddressedMessage,
  BATCH_HEADER_BYTES,
  chunkRecords,
  recordBytes,
  sizeProblem,
} from "./requests.ts";

const message = (topic: string, key: string, bytes = 10): AddressedMessage => ({
  topic,
  key,
  value: "x".repeat(bytes),
  headers: { h: "1" },
});

const shape = (messages: readonly AddressedMessage[], bytesMax: number) =>
  chunkRecords(messages, () => bytesMax).map((chunk) =>
    Object.fromEntries([...chunk].map(([topic, of]) => [topic, of.map(({ key }) => key).join("")])),
  );

describe("the requests of a transaction", () => {
  test.each<[string, readonly AddressedMessage[], number, unknown]>([
    ["nothing is no request", [], 1000, []],
    [
      "all that fits goes together",
      [message("t", "a"), message("u", "b"), message("t", "c")],
      1000,
      [{ t: "ac", u: "b" }],
    ],
    [
      "a topic that is full begins another for all",
      [message("t", "a", 400), message("u", "b"), message("t", "c", 700), message("u", "d")],
      1000,
      [
        { t: "a", u: "b" },
        { t: "c", u: "d" },
      ],
    ],
    [
      "each topic has its own limit",
      [message("t", "a", 700), message("u", "b", 700)],
      1000,
      [{ t: "a", u: "b" }],
    ],
    [
      "one that just fits goes alone",
      [message("t", "a"), message("t", "b", 900), message("t", "c")],
      990,
      [{ t: "a" }, { t: "b" }, { t: "c" }],
    ],
  ])("%s", (_, messages, bytesMax, expected) => {
    expect(shape(messages, bytesMax)).toEqual(expected);
  });

  test("never exceed the limit, keep the order, and are complete", () => {
    const messages = Array.from({ length: 5000 }, (_, at) => message("t", `${at} `, at % 300));
    const chunks = chunkRecords(messages, () => 20_000);
    expect(chunks.flatMap((chunk) => chunk.get("t") ?? []).map(({ key }) => key)).toEqual(
      messages.map(({ key }) => key),
    );
    for (const chunk of chunks) {
      const ofTopic = chunk.get("t") ?? [];
      expect(ofTopic.length).toBeLessThanOrEqual(1000);
      const bytes = ofTopic.reduce(
        (sum, one) => sum + recordBytes(one) + 1,
        BATCH_HEADER_BYTES - 1,
      );
      expect(bytes).toBeLessThanOrEqual(20_000);
    }
  });

  test("a message that alone is too large is reported with both sizes", () => {
    const large = message("t", "a", 2000);
    const bytes = recordBytes(large) + BATCH_HEADER_BYTES;
    expect(sizeProblem(large, () => 1000)).toContain(
      `the record of a takes ${bytes} bytes, and topic t takes at most 1000`,
    );
    expect(sizeProblem(large, () => bytes)).toBeNull();
    expect(sizeProblem(large, () => bytes - 1)).not.toBeNull();
    const endless = sizeProblem(message("t", "é".repeat(300_000)), () => 1000);
    expect(endless?.length).toBeLessThan(400);
  });
});
