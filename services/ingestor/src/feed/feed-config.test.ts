import { describe, expect, test } from "@jest/globals";
import { configOf } from "../testing/config.ts";
import { feedConfigOf } from "./feed-config.ts";

const WHOLE = {
  COUNTERFOIL_ZEROHASH_FEED_URL: "wss://ws.example.com",
  COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
  COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
  COUNTERFOIL_ZEROHASH_FEED_SECRET: "c2VjcmV0",
};

const feedOf = (environment: Readonly<Record<string, string>>) => () =>
  feedConfigOf(configOf(environment));

describe("the feed's configuration", () => {
  test("none of it: no feed", () => {
    expect(feedOf({})()).toBeNull();
  });

  test("all of it", () => {
    expect(feedOf(WHOLE)()).toEqual({
      url: "wss://ws.example.com",
      key: "key",
      passphrase: "passphrase",
      secret: Buffer.from("secret"),
      signedText: "{timestamp}{method}{route}{body}",
      frameBytesMax: 67_108_864,
    });
  });

  test.each(Object.keys(WHOLE))("without %s it refuses and names it", (variable) => {
    const half = Object.fromEntries(Object.entries(WHOLE).filter(([name]) => name !== variable));
    const missing = `missing: ${variable}`;
    expect(feedOf(half)).toThrow(expect.objectContaining({ code: "configuration_invalid" }));
    expect(feedOf(half)).toThrow(new RegExp(`${missing}$`));
  });

  test("all that is missing is named", () => {
    const [url, ...others] = Object.keys(WHOLE);
    expect(feedOf({ [url as string]: "wss://a" })).toThrow(`missing: ${others.join(", ")}`);
  });

  test.each([
    ["COUNTERFOIL_ZEROHASH_FEED_SECRET", "not base64!"],
    ["COUNTERFOIL_ZEROHASH_FEED_URL", "wss://"],
    ["COUNTERFOIL_ZEROHASH_FEED_URL", "wss://a/#fragment"],
    ["COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT", "{timestamp}{path}"],
  ])("%s cannot be %s", (variable, value) => {
    expect(feedOf({ ...WHOLE, [variable]: value })).toThrow(variable);
  });
});
