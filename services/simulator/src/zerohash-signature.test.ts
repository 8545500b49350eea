import { constants, createHmac, createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import {
  createZeroHashKeys,
  rsaPublicKeyPem,
  type ZeroHashScheme,
  zeroHashHeaders,
} from "./zerohash-signature.ts";

const KEYS = createZeroHashKeys({ secret: "s3cret" });
const BODY = '{"asset":"BTC","balance":"0.35"}';
const TIMESTAMP_MS = 1_746_113_199_139;
const ENVELOPE = {
  body: BODY,
  payloadType: "account_balance.changed",
  notificationId: "n-1",
  timestampMs: TIMESTAMP_MS,
};

const hmacHex = (text: string) => createHmac("sha256", "s3cret").update(text).digest("hex");

describe("Zero Hash signatures", () => {
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

  test.each(["pss", "pkcs1"] as const)("RSA with %s verifies with either public key", (padding) => {
    const headers = zeroHashHeaders(ENVELOPE, KEYS, { rsaPadding: padding });
    for (const type of ["spki", "pkcs1"] as const) {
      const key = {
        key: createPublicKey(rsaPublicKeyPem(KEYS.rsaPrivateKey, type)),
        padding: padding === "pss" ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING,
      };
      const isValid = (text: string, header: string) =>
        verify("sha256", Buffer.from(text), key, Buffer.from(headers[header] ?? "", "hex"));
      expect(isValid(`${BODY}${TIMESTAMP_MS}`, "x-zh-hook-rsa-signature")).toBe(true);
      expect(isValid(BODY, "x-zh-hook-rsa-signature-256")).toBe(true);
      expect(isValid(BODY, "x-zh-hook-rsa-signature")).toBe(false);
    }
  });

  test("both kinds of PEM are what their name says", () => {
    expect(rsaPublicKeyPem(KEYS.rsaPrivateKey, "spki")).toContain("BEGIN PUBLIC KEY");
    expect(rsaPublicKeyPem(KEYS.rsaPrivateKey, "pkcs1")).toContain("BEGIN RSA PUBLIC KEY");
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
    const only: ZeroHashScheme[] = ["hmac-legacy"];
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, KEYS, { schemes: only }))).toEqual([
      "x-zh-hook-signature-256",
    ]);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, { secret: "x" }))).toHaveLength(2);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, {}))).toEqual([]);
    expect(() => zeroHashHeaders(ENVELOPE, {}, { schemes: only })).toThrow("without a secret");
    expect(() => zeroHashHeaders(ENVELOPE, {}, { schemes: ["rsa"] })).toThrow("private key");
  });

  test("a given RSA key is used", () => {
    const pem = KEYS.rsaPrivateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const again = createZeroHashKeys({ rsaPrivateKeyPem: pem });
    expect(rsaPublicKeyPem(again.rsaPrivateKey, "spki")).toBe(
      rsaPublicKeyPem(KEYS.rsaPrivateKey, "spki"),
    );
  });
});
