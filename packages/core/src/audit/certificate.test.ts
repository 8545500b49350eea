import { describe, expect, test } from "@jest/globals";
import { certificateText, readCertificate, signedText } from "./tree-head.ts";

const CERTIFICATE = {
  statement: "verify",
  ledger: "default",
  genesis: "1".repeat(64),
  from: "1",
  to: "7",
  hash: "2".repeat(64),
  root: "3".repeat(64),
  map_root: "4".repeat(64),
  models: {
    trades: { state_digest: "8".repeat(64), position: "7", digest: "7".repeat(64) },
    balances: { position: "6", digest: "9".repeat(64), state_digest: "0".repeat(64) },
  },
  account: null,
  file: { format: "jsonl", sha256: "b".repeat(64) },
  engine: "sqlite",
  code_version: "counterfoil 1.0.0",
  actor: "Ann Ö",
  signed_at: "2026-11-28T21:00:00.000000001Z",
  key_id: "5".repeat(64),
  public_key: "6".repeat(64),
  signature: "a".repeat(128),
} as const;

const text = (changes: object = {}) => JSON.stringify({ ...CERTIFICATE, ...changes });

describe("a certificate", () => {
  test("is signed in these bytes: a line, then all other fields as RFC 8785 orders them", () => {
    const of = (digit: string) => digit.repeat(64);
    expect(certificateText(CERTIFICATE)).toBe(
      `counterfoil/certificate/v1\n{"account":null,"actor":"Ann Ö","code_version":"counterfoil 1.0.0","engine":"sqlite","file":{"format":"jsonl","sha256":"${of("b")}"},"from":"1","genesis":"${of("1")}","hash":"${of("2")}","key_id":"${of("5")}","ledger":"default","map_root":"${of("4")}","models":{"balances":{"digest":"${of("9")}","position":"6","state_digest":"${of("0")}"},"trades":{"digest":"${of("7")}","position":"7","state_digest":"${of("8")}"}},"public_key":"${of("6")}","root":"${of("3")}","signed_at":"2026-11-28T21:00:00.000000001Z","statement":"verify","to":"7"}`,
    );
  });

  test("is no head, whatever its fields", () => {
    expect(certificateText(CERTIFICATE)).not.toBe(signedText(CERTIFICATE as never));
  });

  test("is read with its fields in any order and any space", () => {
    const turned = JSON.stringify(
      Object.fromEntries(Object.entries(CERTIFICATE).reverse()),
      null,
      2,
    );
    expect(readCertificate(turned)).toEqual({ ok: true, signed: CERTIFICATE });
  });

  test.each<[string, string]>([
    ["no JSON", "certificate"],
    ["a field too many", text({ comment: "" })],
    ["a field too many within", text({ file: { ...CERTIFICATE.file, name: "x" } })],
    ["a field given twice", text().replace("{", '{"ledger":"other",')],
    ["another statement", text({ statement: "import" })],
    ["upper case", text({ hash: "A".repeat(64) })],
    ["a number for text", text({ to: 7 })],
    ["a range backwards", text({ from: "8" })],
    ["a range from before the first event", text({ from: "0" })],
    ["a position beyond all", text({ to: "9007199254740993" })],
    ["an account without a name", text({ account: "" })],
  ])("is refused with %s", (_what, found) => {
    expect(readCertificate(found)).toMatchObject({ ok: false, reason: expect.any(String) });
  });

  test.each(Object.keys(CERTIFICATE))("is refused without %s", (name) => {
    expect(readCertificate(text({ [name]: undefined }))).toMatchObject({ ok: false });
  });
});
