import { describe, expect, test } from "@jest/globals";
import { readTreeHead, signedText } from "./tree-head.ts";

const HEAD = {
  ledger: "default",
  genesis: "1".repeat(64),
  position: "7",
  hash: "2".repeat(64),
  tree_size: "7",
  root: "3".repeat(64),
  map_root: "4".repeat(64),
  signed_at: "2026-11-28T21:00:00.000000001Z",
  key_id: "5".repeat(64),
  public_key: "6".repeat(64),
  signature: "a".repeat(128),
};

const text = (changes: object = {}) => JSON.stringify({ ...HEAD, ...changes });

describe("a signed tree head", () => {
  test("is signed in these bytes: a line, then all other fields as RFC 8785 orders them", () => {
    expect(signedText(HEAD)).toBe(
      `counterfoil/head/v1\n{"genesis":"${"1".repeat(64)}","hash":"${"2".repeat(64)}","key_id":"${"5".repeat(64)}","ledger":"default","map_root":"${"4".repeat(64)}","position":"7","public_key":"${"6".repeat(64)}","root":"${"3".repeat(64)}","signed_at":"2026-11-28T21:00:00.000000001Z","tree_size":"7"}`,
    );
  });

  test("is read with its fields in any order and any space", () => {
    const turned = JSON.stringify(Object.fromEntries(Object.entries(HEAD).reverse()), null, 2);
    expect(readTreeHead(turned)).toEqual({ ok: true, signed: HEAD });
  });

  test.each<[string, string]>([
    ["no JSON", "head"],
    ["a list", `[${text()}]`],
    ["a field too many", text({ comment: "" })],
    ["a field given twice", text().replace("{", '{"ledger":"other",')],
    ["upper case", text({ hash: "A".repeat(64) })],
    ["a short digest", text({ root: "3".repeat(63) })],
    ["a number for text", text({ position: 7, tree_size: 7 })],
    ["a position with a zero before it", text({ position: "07", tree_size: "07" })],
    ["a size that is no position", text({ tree_size: "8" })],
    ["an empty tree", text({ position: "0", tree_size: "0" })],
    ["a time without a zone", text({ signed_at: "2026-11-28T21:00:00" })],
  ])("is refused with %s", (_what, found) => {
    expect(readTreeHead(found)).toMatchObject({ ok: false, reason: expect.any(String) });
  });

  test.each(Object.keys(HEAD))("is refused without %s", (name) => {
    expect(readTreeHead(text({ [name]: undefined }))).toMatchObject({ ok: false });
  });
});
