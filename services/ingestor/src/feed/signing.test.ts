import { createHmac } from "node:crypto";
import { SECOND } from "@counterfoil/core/exact/time";
import { describe, expect, test } from "@jest/globals";
import { createSigner } from "./signing.ts";

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
