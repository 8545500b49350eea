import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { accountParts, layer1AccountId, layer1Address, zeroHashAccountId } from "./account.ts";

const account = (asset: string) => ({
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset,
});

const text = fc.string({ unit: "grapheme", maxLength: 12 });

describe("Zero Hash account ids", () => {
  test.each([
    ["BTC", "BTC"],
    ["USDC.ETH", "USDC.ETH"],
    ["a_b-c.d", "a_b-c.d"],
    ["a:b", "a%3Ab"],
    ["a b", "a%20b"],
    ["a%b", "a%25b"],
    ["a%3Ab", "a%253Ab"],
    ["a/b", "a%2Fb"],
    ["a~b", "a%7Eb"],
    ["a+b", "a%2Bb"],
    ["!*'()", "%21%2A%27%28%29"],
    ["é", "%C3%A9"],
    ["₿", "%E2%82%BF"],
    ["😀", "%F0%9F%98%80"],
    ["", ""],
  ])("the asset %j is printed %j", (asset, printed) => {
    expect(zeroHashAccountId(account(asset))).toBe(
      `zerohash:DEF456:ABC123:general:available:${printed}`,
    );
  });

  test("are read back to their parts, whatever those hold", () => {
    const record = fc.record({
      participant_code: text,
      account_group: text,
      account_label: text,
      account_type: text,
      asset: text,
    });
    fc.assert(
      fc.property(record, (parts) => {
        const id = zeroHashAccountId(parts);
        expect(id).toMatch(/^zerohash(?::(?:[A-Za-z0-9._-]|%[0-9A-F]{2})*){5}$/);
        expect(accountParts(id)).toEqual({ provider: "zerohash", ...parts, address: null });
        expect(decodeURIComponent(encodeURIComponent(id))).toBe(id);
      }),
    );
  });
});

describe("Layer1 account ids", () => {
  test.each([
    ["0xC4b21FB39aaf", "0xc4b21fb39aaf"],
    ["0Xc4B2", "0xc4b2"],
    ["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"],
    ["TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"],
    ["0xNotHex", "0xNotHex"],
    ["0x", "0x"],
  ])("the address %s is kept as %s", (printed, kept) => {
    expect(layer1Address(printed)).toBe(kept);
    expect(layer1AccountId(printed, "ETH", "AVAILABLE")).toBe(`layer1:${kept}:ETH:available`);
  });

  test("are read back to their parts", () => {
    fc.assert(
      fc.property(text, text, text, (address, asset, fund) => {
        expect(accountParts(layer1AccountId(address, asset, fund))).toEqual({
          provider: "layer1",
          participant_code: null,
          account_group: null,
          account_label: null,
          account_type: fund.toLowerCase(),
          asset,
          address: layer1Address(address),
        });
      }),
    );
  });
});

describe("accountParts", () => {
  test.each([
    "",
    "zerohash",
    "zerohash:a:b:c:d",
    "zerohash:a:b:c:d:e:f",
    "layer1:a:b",
    "layer1:a:b:c:d",
    "kraken:a:b:c",
    "zerohash:%:b:c:d:e",
    "zerohash:%zz:b:c:d:e",
    "layer1:%ff:b:c",
  ])("refuses %j", (id) => {
    expect(() => accountParts(id)).toThrow(RangeError);
  });
});
