import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { type CursorScope, decodeCursor, encodeCursor } from "./page.ts";

const hashing = {
  sha1: (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex"),
};

const SCOPE: CursorScope = {
  list: "withdrawals",
  filters: { asset: "BTC", stuck: true },
  key: ["nanos", "text", "integer"],
};
const KEY = [1_638_189_426_534_066_001n, 'zerohash:"ÄÖ":日本 🏦', 7];

const cursorOf = (content: unknown) => Buffer.from(JSON.stringify(content)).toString("base64url");

describe("cursor", () => {
  test("gives back its key, to the nanosecond and in any script", () => {
    const cursor = encodeCursor(KEY, SCOPE, hashing);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(cursor, SCOPE, hashing)).toEqual(KEY);
  });

  test("belongs to its filters whatever their order", () => {
    const cursor = encodeCursor(KEY, SCOPE, hashing);
    const filters = { stuck: true, asset: "BTC" };
    expect(decodeCursor(cursor, { ...SCOPE, filters }, hashing)).toEqual(KEY);
  });

  test.each([
    ["another list", { ...SCOPE, list: "deposits" }],
    ["other filters", { ...SCOPE, filters: { asset: "ETH", stuck: true } }],
    ["fewer filters", { ...SCOPE, filters: { asset: "BTC" } }],
    ["a shorter key", { ...SCOPE, key: ["nanos", "text"] }],
    ["a key of other types", { ...SCOPE, key: ["text", "text", "text"] }],
  ] as const)("is foreign to %s", (_what, scope) => {
    expect(
      decodeCursor(encodeCursor(KEY, SCOPE, hashing), scope as CursorScope, hashing),
    ).toBeNull();
  });

  const of = JSON.parse(atob(encodeCursor(KEY, SCOPE, hashing))).of;
  test.each([
    ["nothing", ""],
    ["no base64url", "a+b/"],
    ["no JSON", Buffer.from("{").toString("base64url")],
    ["no object", cursorOf(7)],
    ["null", cursorOf(null)],
    ["another version", cursorOf({ v: 2, of, key: ["1", "a", 1] })],
    ["no key", cursorOf({ v: 1, of })],
    ["a time that is none", cursorOf({ v: 1, of, key: ["x", "a", 1] })],
    ["a broken number", cursorOf({ v: 1, of, key: ["1", "a", 1.5] })],
  ])("refuses %s", (_what, cursor) => {
    expect(decodeCursor(cursor, SCOPE, hashing)).toBeNull();
  });
});
