import { createHmac } from "node:crypto";
import { SECOND } from "@counterfoil/core/exact/time";
import { describe, expect, test } from "@jest/globals";
import { configOf } from "../testing/config.ts";
import { createSigner, feedConfigOf } from "./config.ts";

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

const FEED = {
  url: "wss://ws.example.com/private/feed?x=1",
  key: "the key",
  passphrase: "the passphrase",
  secret: Buffer.from("c2VjcmV0", "base64"),
  signedText: "{timestamp}{method}{route}{body}",
};

const NOW = 1_649_258_173n * SECOND + 999_999_999n;

const hmac = (text: string) => createHmac("sha256", "secret").update(text).digest("base64");

describe("feed messages", () => {
  test("a subscription carries the flag, the credentials and whole seconds as text", () => {
    expect(JSON.parse(createSigner(FEED)("subscribe", NOW))).toEqual({
      messageType: "subscribe",
      topic: "balances",
      useMultiChainAssetFormat: true,
      body: {},
      key: "the key",
      passphrase: "the passphrase",
      timestamp: "1649258173",
      signature: hmac("1649258173GET/private/feed{}"),
    });
  });

  test("a ping is signed as well", () => {
    expect(JSON.parse(createSigner(FEED)("ping", NOW))).toEqual({
      messageType: "ping",
      key: "the key",
      passphrase: "the passphrase",
      timestamp: "1649258173",
      signature: hmac("1649258173GET/private/feed{}"),
    });
  });

  test.each([
    ["{body}|{timestamp}|{timestamp}", "{}|1649258173|1649258173"],
    ["fixed", "fixed"],
    ["{timestamp}$&{method}", "1649258173$&GET"],
  ])("the signed text is configurable: %s", (signedText, signed) => {
    const { signature } = JSON.parse(createSigner({ ...FEED, signedText })("ping", NOW));
    expect(signature).toBe(hmac(signed));
  });

  test("a URL without a path has the route /", () => {
    const sign = createSigner({ ...FEED, url: "wss://ws.example.com", signedText: "{route}" });
    expect(JSON.parse(sign("ping", NOW)).signature).toBe(hmac("/"));
  });
});
