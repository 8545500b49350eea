import { describe, expect, test } from "@jest/globals";
import {
  type Data,
  presentVersion,
  type SchemaStep,
  SchemaTooNew,
  schemaGrowth,
} from "./read-event.ts";

/** Invented schema steps: a key renamed, one added, another type's key split. */
const STEPS: readonly SchemaStep[] = [
  {
    type: "MovementRecorded",
    raise: ({ change, ...rest }) => (change === undefined ? rest : { ...rest, amount: change }),
  },
  { type: "FeedClosed", raise: (data) => ({ ...data, detail: data.detail ?? "none" }) },
  {
    type: "MovementRecorded",
    raise: (data, isWhole) => (isWhole ? { ...data, currency: "unknown" } : data),
  },
];

const growth = schemaGrowth(STEPS);

const stored = (type: string, schema_version: number, data: Data) => ({
  type,
  schema_version,
  data: JSON.stringify(data),
});

const amendment = { event_id: "e", key: {} };
const OF_MOVEMENT = { ...amendment, event_type: "MovementRecorded" };
const OF_RUN = { ...amendment, event_type: "RunRecorded" };

describe("the present version", () => {
  test.each([
    ["MovementRecorded", 3],
    ["FeedClosed", 2],
    ["FactSeen", 3],
    ["FactContradicted", 3],
    ["FactCorrected", 3],
    ["FactWithdrawn", 1],
    ["RunRecorded", 1],
    ["NobodyKnows", 1],
  ])("of %s is %d", (type, version) => {
    expect(growth.presentVersion(type)).toBe(version);
    expect(growth.isPresent(stored(type, version, {}))).toBe(true);
    expect(growth.isPresent(stored(type, version + 1, {}))).toBe(false);
    expect(growth.isTooNew(stored(type, version, {}))).toBe(false);
    expect(growth.isTooNew(stored(type, version + 1, {}))).toBe(true);
  });

  test("is 1 for a type that never changed, as all are so far", () => {
    expect(presentVersion("MovementRecorded")).toBe(1);
    expect(schemaGrowth([]).presentVersion("FactCorrected")).toBe(1);
  });
});

describe("reading", () => {
  test.each<[string, string, number, Data, Data]>([
    [
      "both steps, in order",
      "MovementRecorded",
      1,
      { change: "1" },
      { amount: "1", currency: "unknown" },
    ],
    [
      "only the steps that are missing",
      "MovementRecorded",
      2,
      { amount: "1" },
      { amount: "1", currency: "unknown" },
    ],
    [
      "nothing where it is present",
      "MovementRecorded",
      3,
      { amount: "1", currency: "BTC" },
      { amount: "1", currency: "BTC" },
    ],
    ["a type of its own", "FeedClosed", 1, { reason: "x" }, { reason: "x", detail: "none" }],
    ["a type that never changed", "RunRecorded", 1, { change: "1" }, { change: "1" }],
    [
      "a whole fact in a correction",
      "FactCorrected",
      1,
      { ...OF_MOVEMENT, data: { change: "1" } },
      { ...OF_MOVEMENT, data: { amount: "1", currency: "unknown" } },
    ],
    [
      "part of a fact, to which nothing is added",
      "FactSeen",
      1,
      { ...OF_MOVEMENT, adds: { order_id: "o" } },
      { ...OF_MOVEMENT, adds: { order_id: "o" } },
    ],
    [
      "part of a fact, renamed",
      "FactContradicted",
      1,
      { ...OF_MOVEMENT, contradicts: { change: "2" } },
      { ...OF_MOVEMENT, contradicts: { amount: "2" } },
    ],
    [
      "an amendment of another type's fact",
      "FactCorrected",
      1,
      { ...OF_RUN, data: { change: "1" } },
      { ...OF_RUN, data: { change: "1" } },
    ],
  ])("raises %s", (_what, type, version, data, expected) => {
    expect(growth.readData(stored(type, version, data))).toEqual(expected);
  });

  test("refuses what a newer program wrote, and says what to do", () => {
    const event = { ...stored("MovementRecorded", 4, {}), position: 17 };
    expect(() => growth.readData(event)).toThrow(SchemaTooNew);
    expect(() => growth.readData(event)).toThrow(
      "MovementRecorded at position 17 has schema version 4, and this program knows 3 at most: a newer version has written it, run that one",
    );
  });
});
