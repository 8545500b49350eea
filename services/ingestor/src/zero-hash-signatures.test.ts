import { constants, createHmac, hash, verify } from "node:crypto";
import { MILLISECOND } from "@counterfoil/core/exact/time";
import { describe, expect, jest, test } from "@jest/globals";
import { createZeroHashVerifier, type ZeroHashVerifierOptions } from "./signatures.ts";
import {
  BODY,
  hmacHex,
  OTHER_RSA,
  type Padding,
  RSA,
  rsaHex,
  SECRET,
  TIMESTAMP_MS,
  zeroHashHeaders,
} from "./testing/signed-webhook.ts";

const SPKI_PEM = RSA.publicKey.export({ type: "spki", format: "pem" }).toString().trim();
const PKCS1_PEM = RSA.publicKey.export({ type: "pkcs1", format: "pem" }).toString().trim();
const OTHER_PEM = OTHER_RSA.publicKey.export({ type: "spki", format: "pem" }).toString().trim();

const KEY_FORMATS: readonly (readonly [string, string])[] = [
  ["SPKI PEM", SPKI_PEM],
  ["PKCS#1 PEM", PKCS1_PEM],
  ["PEM with escaped line breaks", SPKI_PEM.replaceAll("\n", "\\n")],
  ["PKCS#1 PEM with CRLF", PKCS1_PEM.replaceAll("\n", "\r\n")],
  ["PEM on one line", SPKI_PEM.replaceAll("\n", " ")],
  ["base64 of SPKI", RSA.publicKey.export({ type: "spki", format: "der" }).toString("base64")],
  ["base64 of PKCS#1", RSA.publicKey.export({ type: "pkcs1", format: "der" }).toString("base64")],
];

const BOTH = { secrets: [SECRET], publicKeys: [SPKI_PEM] };
const HMAC_ONLY = { secrets: [SECRET], publicKeys: [] };
const RSA_ONLY = { secrets: [], publicKeys: [SPKI_PEM] };

const at = (offsetMs: number) => BigInt(TIMESTAMP_MS + offsetMs) * MILLISECOND;

function verifyWith(
  options: Partial<ZeroHashVerifierOptions>,
  headers: Record<string, string>,
  { body = BODY as string | Uint8Array, receivedAt = at(0) } = {},
) {
  const verify = createZeroHashVerifier({ ...BOTH, rejectStale: false, ...options });
  return verify({ headers, body: Buffer.from(body), receivedAt });
}

describe("Zero Hash signatures", () => {
  test("all four: the verdict lists them, the timestamped ones first", async () => {
    expect(await verifyWith(BOTH, zeroHashHeaders())).toEqual({
      ok: true,
      verdict: {
        signature: "valid",
        scheme: "hmac+rsa_pss+hmac_legacy+rsa_pss_legacy",
        key: "1+1+1+1",
        sentAt: at(0),
        evidence: expect.any(Array),
      },
    });
  });

  test("the recorded evidence can be verified again with the body and the key", async () => {
    const headers = { ...zeroHashHeaders(), host: "example.org" };
    const result = await verifyWith(BOTH, headers);
    const { evidence = [] } = result.ok ? result.verdict : {};
    const kept = new Map(evidence.map((one) => [one.header, one]));
    const signed = Object.entries(headers).filter(([name]) => name !== "host");
    expect([...kept.values()].map(({ header, value }) => [header, value]).sort()).toEqual(
      signed.sort(),
    );
    const timed = Buffer.from(`${BODY}${kept.get("x-zh-hook-timestamp")?.value}`);
    const rsa = kept.get("x-zh-hook-rsa-signature");
    const key = { key: RSA.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING };
    expect(verify("sha256", timed, key, Buffer.from(rsa?.value ?? "", "hex"))).toBe(true);
    const spki = RSA.publicKey.export({ type: "spki", format: "der" });
    expect(rsa).toMatchObject({ scheme: "rsa_pss", key_id: hash("sha256", spki, "hex") });
    const hmac = kept.get("x-zh-hook-signature");
    const ofSecret = (data: string | Buffer) =>
      createHmac("sha256", SECRET).update(data).digest("hex");
    expect(hmac).toMatchObject({
      scheme: "hmac",
      value: ofSecret(timed),
      key_id: ofSecret("counterfoil/key-id/v1"),
    });
  });

  test("unchecked headers are recorded without a key, unless they are too long", async () => {
    const headers = {
      ...zeroHashHeaders(BODY, ["hmac", "rsa"]),
      "x-zh-hook-rsa-signature-256": "f".repeat(5000),
    };
    const result = await verifyWith(HMAC_ONLY, headers);
    const { evidence = [] } = result.ok ? result.verdict : {};
    expect(evidence.map(({ header, scheme }) => [header, scheme])).toEqual([
      ["x-zh-hook-timestamp", undefined],
      ["x-zh-hook-signature", "hmac"],
      ["x-zh-hook-rsa-signature", undefined],
    ]);
  });

  test.each([
    [["hmac_legacy"], false],
    [["rsa_legacy"], false],
    [["hmac_legacy", "rsa_legacy"], false],
    [["hmac", "hmac_legacy"], true],
    [["rsa"], true],
  ] as const)("where a timestamp is required, %j: %s", async (schemes, ok) => {
    const options = { requireTimestamped: true };
    expect(await verifyWith(options, zeroHashHeaders(BODY, [...schemes]))).toMatchObject(
      ok ? { ok } : { ok, code: "signature_missing" },
    );
  });

  test("bytes that are no UTF-8 are signed as they are", async () => {
    const body = Uint8Array.of(0xff, 0x00, 0xc3, 0x28);
    const result = await verifyWith(BOTH, zeroHashHeaders(body), { body });
    expect(result.ok).toBe(true);
  });

  test("an empty body can be signed", async () => {
    expect((await verifyWith(BOTH, zeroHashHeaders(""), { body: "" })).ok).toBe(true);
  });

  const paddings: readonly Padding[] = ["rsa_pss", "rsa_pkcs1"];
  const timings = [
    ["x-zh-hook-rsa-signature", `${BODY}${TIMESTAMP_MS}`, ""],
    ["x-zh-hook-rsa-signature-256", BODY, "_legacy"],
  ] as const;
  const rsaCases = KEY_FORMATS.flatMap(([format, key]) =>
    paddings.flatMap((padding) =>
      timings.map(([header, signed, suffix]) => ({ format, key, padding, header, signed, suffix })),
    ),
  );

  test.each(rsaCases)("RSA: $format, $padding, $header", async (given) => {
    const { key, padding, header, signed, suffix } = given;
    const headers = {
      "x-zh-hook-timestamp": String(TIMESTAMP_MS),
      [header]: rsaHex(signed, padding),
    };
    const result = await verifyWith({ secrets: [], publicKeys: [key] }, headers);
    expect(result).toMatchObject({ ok: true, verdict: { scheme: `${padding}${suffix}` } });
  });

  test("PSS with the longest salt that fits", async () => {
    const { constants, sign } = await import("node:crypto");
    const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN;
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const key = { key: RSA.privateKey, padding, saltLength };
    const signature = sign("sha256", Buffer.from(BODY), key).toString("hex");
    const headers = { "x-zh-hook-rsa-signature-256": signature };
    expect((await verifyWith(RSA_ONLY, headers)).ok).toBe(true);
  });

  test("a key for PSS alone: its signature verifies, any other is refused without an error", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const { publicKey, privateKey } = generateKeyPairSync("rsa-pss", { modulusLength: 2048 });
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const verdictOn = (signature: string) =>
      verifyWith({ secrets: [], publicKeys: [pem] }, { "x-zh-hook-rsa-signature-256": signature });
    expect(await verdictOn(rsaHex(BODY, "rsa_pss", privateKey))).toMatchObject({
      ok: true,
    });
    const refused = { ok: false, code: "signature_invalid" };
    expect(await verdictOn(rsaHex(BODY))).toMatchObject(refused);
  });

  test("rotation: any of the secrets and keys, and the verdict tells which", async () => {
    const rotated = { secrets: ["older", SECRET], publicKeys: [OTHER_PEM, PKCS1_PEM] };
    const result = await verifyWith(rotated, zeroHashHeaders(BODY, ["hmac", "rsa"]));
    expect(result).toMatchObject({ ok: true, verdict: { scheme: "hmac+rsa_pss", key: "2+2" } });
  });

  test("upper-case hex is the same signature", async () => {
    const headers = { "x-zh-hook-signature-256": hmacHex(BODY).toUpperCase() };
    expect((await verifyWith(BOTH, headers)).ok).toBe(true);
  });
});

describe("which signatures count", () => {
  test("one that can be checked is enough", async () => {
    for (const name of ["hmac", "rsa", "hmac_legacy", "rsa_legacy"] as const) {
      expect((await verifyWith(BOTH, zeroHashHeaders(BODY, [name]))).ok).toBe(true);
    }
  });

  test("one whose kind of key is not configured does not count", async () => {
    const missing = { ok: false, code: "signature_missing" };
    expect(await verifyWith(HMAC_ONLY, zeroHashHeaders(BODY, ["rsa"]))).toMatchObject(missing);
    expect(await verifyWith(RSA_ONLY, zeroHashHeaders(BODY, ["hmac"]))).toMatchObject(missing);
    const headers = { ...zeroHashHeaders(BODY, ["hmac"]), "x-zh-hook-rsa-signature": "junk" };
    expect((await verifyWith(HMAC_ONLY, headers)).ok).toBe(true);
  });

  test("none, or an empty one, is missing", async () => {
    const missing = { ok: false, code: "signature_missing" };
    expect(await verifyWith(BOTH, {})).toMatchObject(missing);
    expect(await verifyWith(BOTH, { "x-zh-hook-signature": "" })).toMatchObject(missing);
  });

  test.each(["x-zh-hook-signature", "x-zh-hook-rsa-signature"].flatMap((h) => [h, `${h}-256`]))(
    "a wrong %s is refused, whatever the others say",
    async (header) => {
      const headers = zeroHashHeaders();
      const bad = [
        flipHex(headers[header] ?? ""),
        (headers[header] ?? "").slice(0, -2),
        (headers[header] ?? "").slice(0, -1),
        `${headers[header]}00`,
        `sha256=${headers[header]}`,
        `${headers[header]}, ${headers[header]}`,
        "zz".repeat(32),
        "ü",
        " ",
      ];
      for (const value of bad) {
        expect(await verifyWith(BOTH, { ...headers, [header]: value })).toMatchObject({
          ok: false,
          code: "signature_invalid",
        });
      }
    },
  );

  test("each byte of the body and each digit of the timestamp is covered", async () => {
    const headers = zeroHashHeaders(BODY, ["hmac"]);
    for (let index = 0; index < BODY.length; index += 1) {
      const body = Buffer.from(BODY);
      body[index] = (body[index] ?? 0) ^ 1;
      expect((await verifyWith(BOTH, headers, { body })).ok).toBe(false);
    }
    const timestamp = String(TIMESTAMP_MS);
    for (let index = 0; index < timestamp.length; index += 1) {
      const digit = (Number(timestamp[index]) + 1) % 10;
      const changed = timestamp.slice(0, index) + digit + timestamp.slice(index + 1);
      const tampered = { ...headers, "x-zh-hook-timestamp": changed };
      expect((await verifyWith(BOTH, tampered)).ok).toBe(false);
    }
  });

  test("a body that is cut or grown is refused", async () => {
    for (const body of [BODY.slice(0, -1), `${BODY} `, ""]) {
      expect((await verifyWith(BOTH, zeroHashHeaders(BODY), { body })).ok).toBe(false);
    }
  });

  test.each([undefined, "", "soon", "12e3", "-1", "1.5", "1, 1"])(
    "a timestamped signature needs a timestamp that is a number, not %s",
    async (timestamp) => {
      // Without a timestamp the newer scheme's bytes are those of the legacy one.
      const headers: Record<string, string> = {
        "x-zh-hook-signature": hmacHex(`${BODY}${timestamp ?? ""}`),
        ...(timestamp !== undefined && { "x-zh-hook-timestamp": timestamp }),
      };
      const result = await verifyWith(BOTH, headers);
      expect(result).toMatchObject({ ok: false, code: "signature_invalid" });
    },
  );

  test("no detail holds a secret, a signature or the body", async () => {
    const headers = { ...zeroHashHeaders(), "x-zh-hook-signature": "deadbeef" };
    const result = JSON.stringify(await verifyWith(BOTH, headers));
    for (const text of [SECRET, "deadbeef", BODY]) expect(result).not.toContain(text);
  });
});

describe("time", () => {
  const FIVE_MINUTES_MS = 300_000;

  test.each([0, FIVE_MINUTES_MS, -FIVE_MINUTES_MS])("%i ms off is fresh", async (offset) => {
    const result = await verifyWith(BOTH, zeroHashHeaders(), { receivedAt: at(offset) });
    expect(result).toMatchObject({ ok: true, verdict: { signature: "valid", sentAt: at(0) } });
  });

  test.each([FIVE_MINUTES_MS + 1, -FIVE_MINUTES_MS - 1])("%i ms off is stale", async (offset) => {
    const receivedAt = at(offset);
    const stale = await verifyWith(BOTH, zeroHashHeaders(), { receivedAt });
    expect(stale).toMatchObject({ ok: true, verdict: { signature: "stale", sentAt: at(0) } });
    const rejected = await verifyWith({ rejectStale: true }, zeroHashHeaders(), { receivedAt });
    expect(rejected).toMatchObject({ ok: false, code: "timestamp_stale" });
  });

  test("only a signed timestamp counts", async () => {
    const headers = { ...zeroHashHeaders(BODY, ["hmac_legacy"]), "x-zh-hook-timestamp": "1" };
    const result = await verifyWith({ rejectStale: true }, headers);
    const verdict = { signature: "valid", scheme: "hmac_legacy", key: "1" };
    expect(result).toEqual({ ok: true, verdict: { ...verdict, evidence: expect.any(Array) } });
  });

  test("a signed number that is no time is stale", async () => {
    const headers = zeroHashHeaders(BODY, ["hmac"], "9".repeat(19));
    const result = await verifyWith(BOTH, headers);
    const verdict = { signature: "stale", scheme: "hmac", key: "1" };
    expect(result).toEqual({ ok: true, verdict: { ...verdict, evidence: expect.any(Array) } });
  });
});

describe("legacy alone", () => {
  test("is reported, and as a downgrade after a valid timestamped signature", async () => {
    const onLegacyOnly = jest.fn();
    const verify = createZeroHashVerifier({ ...BOTH, rejectStale: false, onLegacyOnly });
    const send = (headers: Record<string, string>) =>
      verify({ headers, body: Buffer.from(BODY), receivedAt: at(0) });
    await send(zeroHashHeaders(BODY, ["hmac_legacy"]));
    await send({ ...zeroHashHeaders(), "x-zh-hook-signature": "00" });
    await send(zeroHashHeaders(BODY, ["rsa_legacy"]));
    await send(zeroHashHeaders());
    const downgraded = await send(zeroHashHeaders(BODY, ["hmac_legacy"]));
    expect(downgraded).toMatchObject({ ok: true, verdict: { scheme: "hmac_legacy" } });
    expect(onLegacyOnly.mock.calls).toEqual([[false], [false], [true]]);
  });
});

describe("keys that cannot be read", () => {
  const ecPem = async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
    return publicKey.export({ type: "spki", format: "pem" }).toString();
  };
  const privatePem = RSA.privateKey.export({ type: "pkcs8", format: "pem" }).toString();

  test.each([
    ["junk", async () => "junk!"],
    ["base64 of nothing", async () => "AAAA"],
    ["a private key", async () => privatePem],
    ["a key of another kind", ecPem],
    ["a PEM cut short", async () => SPKI_PEM.slice(0, 200)],
  ])("%s: the error names variable and place, and does not print it", async (_, text) => {
    const bad = await text();
    const create = () =>
      createZeroHashVerifier({ ...BOTH, publicKeys: [SPKI_PEM, bad], rejectStale: false });
    const variable = "COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY, key 2 of 2: expected an RSA";
    expect(create).toThrow(expect.objectContaining({ code: "configuration_invalid" }));
    expect(create).toThrow(variable);
    expect(create).not.toThrow(bad.slice(30, 60) || bad);
  });
});

function flipHex(hex: string): string {
  const first = Number.parseInt(hex[0] ?? "0", 16);
  return (first ^ 1).toString(16) + hex.slice(1);
}
