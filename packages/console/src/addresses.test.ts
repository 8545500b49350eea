import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ADDRESSES, type AddressName, pathTo, placeOf } from "./addresses.ts";

const NAMES = Object.keys(ADDRESSES) as AddressName[];

describe("an address of the console", () => {
  test("round-trips any id of a provider", () => {
    const name = fc.constantFrom(...NAMES);
    const id = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(name, id, (name, id) => {
        const parameters = ADDRESSES[name].includes(":id") ? { id } : {};
        if (ADDRESSES[name].replace(":id", "").includes(":")) return;
        expect(placeOf(pathTo(name, parameters))).toEqual({ name, parameters });
      }),
    );
  });

  test.each([".", "..", "~.", "~..", "~~..", "%2E%2E", "..."])(
    "leads to %s in a browser, which resolves dots",
    (id) => {
      const { pathname } = new URL(pathTo("trade", { id }), "http://localhost");
      expect(placeOf(pathname)).toEqual({ name: "trade", parameters: { id } });
    },
  );

  test.each(["/nowhere", "/accounts/", "/accounts/a/b", "/accounts/%E0%A4%A", "/v1/balances"])(
    "is not %s",
    (path) => {
      expect(placeOf(path)).toBeNull();
    },
  );

  test("has only the given values in its query", () => {
    const query = { asset: "BTC & ETH", stage: "", stuck: null, page: 2 };
    expect(pathTo("accounts", {}, query)).toBe("/accounts?asset=BTC+%26+ETH&page=2");
    expect(pathTo("accounts", {}, { stage: null })).toBe("/accounts");
  });
});
