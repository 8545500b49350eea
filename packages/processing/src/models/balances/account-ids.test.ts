import { expect, test } from "@jest/globals";
import { newAccount } from "./account.ts";
import { changesIds, countIds } from "./account-effects.ts";

test.each(["6c12b928", "constructor", "__proto__", "7"])(
  "the provider's id %s is counted",
  (id) => {
    const account = newAccount("zerohash:DEF456:ABC123:general:available:BTC");
    const given = new Map([[id, 1]]);
    expect(changesIds(account, given)).toBe(true);
    countIds(account, given);
    expect(changesIds(account, given)).toBe(false);
    countIds(account, given);
    expect([...account.idFacts]).toEqual([[id, 2]]);
    expect(changesIds(account, new Map([[id, -2]]))).toBe(true);
  },
);
