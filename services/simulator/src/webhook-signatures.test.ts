import { createHmac, createPublicKey, type KeyObject, verify } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import {
  createLayer1Keys,
  layer1Headers,
  layer1PublicKeyBase64,
  zeroHashHeaders,
} from "./webhook-signatures.ts";

describe("Zero Hash signatures", () => {
  const KEYS = { secret: "s3cret" };
  const BODY = '{"asset":"BTC","balance":"0.35"}';
  const TIMESTAMP_MS = 1_746_113_199_139;
  const ENVELOPE = {
    body: BODY,
    payloadType: "account_balance.changed",
    notificationId: "n-1",
    timestampMs: TIMESTAMP_MS,
  };

  const hmacHex = (text: string) => createHmac("sha256", "s3cret").update(text).digest("hex");

  test("name the notification, the type and the time", () => {
    expect(zeroHashHeaders(ENVELOPE, KEYS)).toMatchObject({
      "content-type": "application/json",
      "x-zh-hook-notification-id": "n-1",
      "x-zh-hook-payload-type": "account_balance.changed",
      "x-zh-hook-timestamp": "1746113199139",
    });
  });

  test("HMAC: the new scheme covers body and timestamp, the legacy one the body", () => {
    const headers = zeroHashHeaders(ENVELOPE, KEYS);
    expect(headers["x-zh-hook-signature"]).toBe(hmacHex(`${BODY}${TIMESTAMP_MS}`));
    expect(headers["x-zh-hook-signature-256"]).toBe(hmacHex(BODY));
  });

  test("signs the raw bytes, be they UTF-8 or not", () => {
    const bytes = Uint8Array.from([0x7b, 0xff, 0x7d]);
    const headers = zeroHashHeaders({ ...ENVELOPE, body: bytes }, KEYS);
    const expected = createHmac("sha256", "s3cret").update(bytes).digest("hex");
    expect(headers["x-zh-hook-signature-256"]).toBe(expected);
  });

  test("only the schemes asked for, else those the keys allow", () => {
    const signaturesOf = (headers: Record<string, string>) =>
      Object.keys(headers).filter((name) => name.includes("signature"));
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, KEYS, ["hmac-legacy"]))).toEqual([
      "x-zh-hook-signature-256",
    ]);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, { secret: "x" }))).toHaveLength(2);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, {}))).toEqual([]);
  });
});

describe("Layer1 signatures", () => {
  /** Printed on the provider's page about webhooks. */
  const VECTOR = {
    publicKeyBase64:
      "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAExn8LhKa3YnVvGHeyT+siyu9+B5knDRtigP4R08nw7Fp0lbXtwoiAO1N0LOj7k39JY5iM385BJrRV2u5Y4N0Qxg==",
    signatureBase64:
      "MEYCIQCtvKgMTivqsT3S2G3qD46lK0+FD7ECW4dK2MtaivfWvwIhALJly6ZqemabK+gYGNWpZACzj1ApJ6immVuIQ0MxONXV",
    message: "hello world",
  };
  const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
  const KEYS = createLayer1Keys();

  test("the provider's own vector has a high s, so ours must be able to", () => {
    expect(
      isValid(publicKeyOf(VECTOR.publicKeyBase64), VECTOR.message, VECTOR.signatureBase64),
    ).toBe(true);
    expect(sOf(VECTOR.signatureBase64)).toBeGreaterThan(HALF_ORDER);
  });

  test("verify, many times over, with a high s and with a low one", () => {
    const publicKey = publicKeyOf(layer1PublicKeyBase64(KEYS));
    const isHigh = new Set<boolean>();
    for (let round = 0; round < 120; round += 1) {
      const body = `{"event":"layer1:digital:balance:updated","round":${round}}`;
      const signature = layer1Headers(body, KEYS)["x-signature"] ?? "";
      expect(isValid(publicKey, body, signature)).toBe(true);
      expect(isValid(publicKey, `${body} `, signature)).toBe(false);
      isHigh.add(sOf(signature) > HALF_ORDER);
    }
    expect(isHigh).toEqual(new Set([true, false]));
  });

  test("the public key is a secp256k1 key as the provider prints it", () => {
    const text = layer1PublicKeyBase64(KEYS);
    expect(publicKeyOf(text).asymmetricKeyDetails).toEqual({ namedCurve: "secp256k1" });
    expect(text).toHaveLength(VECTOR.publicKeyBase64.length);
  });

  test("a given key is used", () => {
    const privateKeyPem = KEYS.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(layer1PublicKeyBase64(createLayer1Keys({ privateKeyPem }))).toBe(
      layer1PublicKeyBase64(KEYS),
    );
  });
});

function publicKeyOf(base64: string): KeyObject {
  return createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
}

function isValid(key: KeyObject, message: string, signatureBase64: string): boolean {
  return verify("sha256", Buffer.from(message), key, Buffer.from(signatureBase64, "base64"));
}

/** SEQUENCE { INTEGER r, INTEGER s }, all lengths below 128. */
function sOf(signatureBase64: string): bigint {
  const der = Buffer.from(signatureBase64, "base64");
  const lengthOfR = der[3] ?? 0;
  return BigInt(`0x${der.subarray(4 + lengthOfR + 2).toString("hex")}`);
}
