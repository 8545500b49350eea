import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translations } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import type { LargeSource } from "../ports/ingest.ts";
import { textPieces } from "./delivery.ts";
import { readLarge } from "./large-reading.ts";

const ACCOUNTS = 7_000;

const account = (at: number) => ({
  participant_code: `P${at % 10}`,
  account_group: "ABC123",
  account_label: "é €",
  account_type: "available",
  asset: `A${at}`,
  account_id: `009bbe95-256b-423e-913f-${String(at).padStart(12, "0")}`,
  balance: "1.25",
});
const accounts = Array.from({ length: ACCOUNTS }, (_, at) => account(at));
const snapshot = JSON.stringify({ messageType: "initial-balance", body: accounts });

const sourceOf = (bytes: Uint8Array): LargeSource => ({
  provider: "zerohash",
  channel: "feed",
  payloadType: "feed",
  place: { connection: "c1", frame: 1 },
  receivedAt: 1_700_000_000_000_000_000n,
  bytes,
  translation: TRANSLATIONS.present,
});

const bytesOf = (text: string) => new TextEncoder().encode(text);
const { readLongFrame: _, ...WHOLE } = TRANSLATIONS;
const read = (bytes: Uint8Array, translations: Translations = TRANSLATIONS) =>
  readLarge(sourceOf(bytes), { translations, hashing });

describe("a large snapshot", () => {
  test("is read in pieces as it is read as a whole, from any of its facts", async () => {
    const bytes = bytesOf(snapshot);
    expect(bytes.length).toBeGreaterThan(2 * 512 * 1024);
    const untranslated = { ...TRANSLATIONS, versions: {} };
    const pieces = read(bytes, untranslated);
    const whole = read(bytes, WHOLE);
    const { facts, close, ...about } = pieces;
    expect(whole).toMatchObject(about);
    expect(about.count).toBe(ACCOUNTS);
    for (const [from, upTo] of [
      [0, 500],
      [500, 1000],
      [0, 2],
      [3000, 3003],
      [6990, 7500],
      [0, ACCOUNTS],
    ] as const) {
      expect(await facts(from, upTo)).toEqual(await whole.facts(from, upTo));
    }
    close();
  });

  test.each([
    ["that is cut", snapshot.slice(0, -1), "not_json"],
    ["with an amount that is none", snapshot.replace('"1.25"', '"a lot"'), "amount"],
    ["with two ids of one account", snapshot.replaceAll('"A5"', '"A15"'), "single_chain"],
  ])("%s is refused with the reason of the whole", (_what, text, reason) => {
    const { summary, count } = read(bytesOf(text));
    expect({ summary, count }).toMatchObject({ summary: { ok: false, reason }, count: 0 });
  });

  test("that is not UTF-8 is refused", () => {
    const bytes = bytesOf(snapshot);
    bytes[600_000] = 0xff;
    expect(read(bytes).summary).toMatchObject({ reason: "not_utf8" });
  });
});

test("text is decoded in pieces, also where one ends within a character", () => {
  const text = "😀".repeat(400_000);
  // The first piece ends three bytes into a character of four.
  const bytes = bytesOf(`a${text}`);
  const pieces = [...textPieces(bytes)];
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.join("")).toBe(`a${text}`);
  expect(() => [...textPieces(bytes.subarray(0, -1))]).toThrow("not valid");
});
