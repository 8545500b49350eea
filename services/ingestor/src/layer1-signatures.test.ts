import { createPublicKey, generateKeyPairSync, hash, sign } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { createLayer1Verifier } from "./signatures.ts";

/** The provider's own example; its S is high. */
const VECTOR = {
  key: "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAExn8LhKa3YnVvGHeyT+siyu9+B5knDRtigP4R08nw7Fp0lbXtwoiAO1N0LOj7k39JY5iM385BJrRV2u5Y4N0Qxg==",
  signature:
    "MEYCIQCtvKgMTivqsT3S2G3qD46lK0+FD7ECW4dK2MtaivfWvwIhALJly6ZqemabK+gYGNWpZACzj1ApJ6immVuIQ0MxONXV",
  message: "hello world",
};

const KEYS = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
const SPKI = KEYS.publicKey.export({ type: "spki", format: "der" }).toString("base64");
const BODY = '{"event":"layer1:crypto:deposit:status-change"}';

const signBody = (body: string | Uint8Array = BODY) =>
  sign("sha256", Buffer.from(body), KEYS.privateKey).toString("base64");

function verifyWith(keys: readonly string[], signature: string | undefined, body: string) {
  const headers = signature === undefined ? {} : { "x-signature": signature };
  const verify = createLayer1Verifier(keys);
  return verify({ headers, body: Buffer.from(body), receivedAt: 0n });
}

describe("Layer1 signatures", () => {
  test("the printed vector verifies", async () => {
    const { key, signature, message } = VECTOR;
    const scheme = "ecdsa_secp256k1";
    const key_id = hash("sha256", Buffer.from(key, "base64"), "hex");
    const evidence = [{ header: "x-signature", value: signature, scheme, key_id }];
    expect(await verifyWith([key], signature, message)).toEqual({
      ok: true,
      verdict: { signature: "valid", scheme, key: "1", evidence },
    });
    const tampered = await verifyWith([key], signature, "hello World");
    expect(tampered).toMatchObject({ ok: false, code: "signature_invalid" });
  });

  test("high and low S are both valid", async () => {
    const seen = new Set<boolean>();
    for (let nonce = 0; seen.size < 2; nonce += 1) {
      const body = `${nonce}`;
      const signature = signBody(body);
      seen.add(hasHighS(signature));
      expect((await verifyWith([SPKI], signature, body)).ok).toBe(true);
    }
  });

  test("PEM, and rotation", async () => {
    const pem = createPublicKey(KEYS.privateKey).export({ type: "spki", format: "pem" }).toString();
    const result = await verifyWith([VECTOR.key, pem], signBody(), BODY);
    expect(result).toMatchObject({ ok: true, verdict: { key: "2" } });
  });

  test("each byte of the body is covered", async () => {
    const verify = createLayer1Verifier([SPKI]);
    const headers = { "x-signature": signBody() };
    for (let index = 0; index < BODY.length; index += 1) {
      const body = Buffer.from(BODY);
      body[index] = (body[index] ?? 0) ^ 1;
      expect((await verify({ headers, body, receivedAt: 0n })).ok).toBe(false);
    }
  });

  test("none is missing", async () => {
    const missing = { ok: false, code: "signature_missing" };
    expect(await verifyWith([SPKI], undefined, BODY)).toMatchObject(missing);
    expect(await verifyWith([SPKI], "", BODY)).toMatchObject(missing);
  });

  test.each([
    ["junk", "not base64!"],
    ["hex", Buffer.from(signBody(), "base64").toString("hex")],
    ["no DER", "AAAA"],
    ["DER cut short", signBody().slice(0, 40)],
    ["the header twice", `${signBody()}, ${signBody()}`],
    ["another key's", VECTOR.signature],
    ["non-ASCII", "ü"],
    ["an empty sequence", "MAA="],
  ])("%s is invalid", async (_, signature) => {
    const result = await verifyWith([SPKI], signature, BODY);
    expect(result).toMatchObject({ ok: false, code: "signature_invalid" });
  });

  test("a key on another curve is refused at the start, with variable and place", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
    const message = "COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY, key 2 of 2: expected an ECDSA";
    expect(() => createLayer1Verifier([SPKI, key])).toThrow(message);
  });
});

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function hasHighS(signature: string): boolean {
  const der = Buffer.from(signature, "base64");
  const rLength = der[3] ?? 0;
  const s = BigInt(`0x${der.subarray(4 + rLength + 2).toString("hex")}`);
  return s > CURVE_ORDER / 2n;
}
