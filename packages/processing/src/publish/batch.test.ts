import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { endBySize, endOfDelivery } from "./batch.ts";

describe("the end of a batch by its size", () => {
  test.each<[string, readonly (readonly [number, number])[], number, number, number]>([
    ["nothing to count", [], 9, 100, 9],
    [
      "all fit",
      [
        [1, 10],
        [2, 10],
        [3, 10],
      ],
      3,
      30,
      3,
    ],
    [
      "the third would be too much",
      [
        [1, 10],
        [2, 10],
        [3, 11],
      ],
      3,
      30,
      2,
    ],
    [
      "one that is too large goes alone",
      [
        [4, 500],
        [5, 1],
      ],
      5,
      30,
      4,
    ],
    [
      "a small one before a large one",
      [
        [4, 1],
        [5, 500],
      ],
      5,
      30,
      4,
    ],
    [
      "what belongs to one position stays together",
      [
        [1, 20],
        [2, 20],
        [1, 20],
        [2, 1],
      ],
      2,
      50,
      1,
    ],
    [
      "in any order, with holes between",
      [
        [7, 10],
        [2, 10],
        [5, 10],
      ],
      8,
      20,
      6,
    ],
    ["positions without pieces count to the end", [[1, 10]], 6, 30, 6],
  ])("%s", (_, pieces, upTo, bytesMax, expected) => {
    const given = pieces.map(([position, bytes]) => ({ position, bytes }));
    expect(endBySize(given, upTo, bytesMax)).toBe(expected);
  });
});

describe("the end of a batch by its deliveries", () => {
  /** `a` records delivery a, `a1` is a fact of it, `-` belongs to no delivery. */
  const eventsOf = (text: string): readonly RecordedEvent[] =>
    text.split(" ").map((word, at) => {
      const type = word.length === 1 && word !== "-" ? "DeliveryReceived" : "RunRecorded";
      const causation_id = word === "-" ? null : word.slice(0, 1);
      const id = type === "DeliveryReceived" ? word : `${word}${at}`;
      return { position: at + 1, type, id, causation_id } as unknown as RecordedEvent;
    });

  test.each<[string, string, number, number]>([
    ["at an end it stays", "a a1 a2 b b1", 3, 3],
    ["in the middle it goes back", "a a1 a2 b b1 b2", 5, 3],
    ["at the last event there is", "a a1 a2", 3, 3],
    ["a delivery larger than a batch is cut", "a a1 a2 a3", 2, 2],
    ["just after a delivery's own event", "a a1 b b1", 3, 2],
    ["events of no delivery stand alone", "- a a1 -", 2, 1],
    ["between events of no delivery", "- - -", 2, 2],
  ])("%s", (_, text, upTo, expected) => {
    expect(endOfDelivery(eventsOf(text), upTo)).toBe(expected);
  });
});
