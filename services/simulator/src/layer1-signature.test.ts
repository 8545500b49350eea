import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import {
  createLayer1Keys,
  layer1Headers,
  layer1PublicKeyBase64,
  type SForm,
} from "./layer1-signature.ts";

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

describe("Layer1 signatures", () => {
  test("the provider's own vector has a high s, so ours must be able to", () => {
    expect(
      isValid(publicKeyOf(VECTOR.publicKeyBase64), VECTOR.message, VECTOR.signatureBase64),
    ).toBe(true);
    expect(sOf(VECTOR.signatureBase64)).toBeGreaterThan(HALF_ORDER);
  });

  test.each<SForm>(["any", "high", "low"])("form %s verifies, many times over", (form) => {
    const publicKey = publicKeyOf(layer1PublicKeyBase64(KEYS));
    for (let round = 0; round < 40; round += 1) {
      const body = `{"event":"layer1:digital:balance:updated","round":${round}}`;
      const signature = layer1Headers(body, KEYS, form)["x-signature"] ?? "";
      expect(isValid(publicKey, body, signature)).toBe(true);
      expect(isValid(publicKey, `${body} `, signature)).toBe(false);
      if (form === "high") expect(sOf(signature)).toBeGreaterThan(HALF_ORDER);
      if (form === "low") expect(sOf(signature)).toBeLessThanOrEqual(HALF_ORDER);
    }
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
