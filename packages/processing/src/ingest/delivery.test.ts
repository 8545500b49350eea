import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Source } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import type { Delivery } from "../ports/ingest.ts";
import { decodeBody, prepareDelivery } from "./delivery.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const WEBHOOK: Delivery = {
  provider: "zerohash",
  channel: "webhook",
  payloadType: "participant_updated",
  notificationId: "n-1",
  place: null,
  verdict: { signature: "valid", scheme: "hmac", key: "2", sentAt: 1_700_000_000_000_000_000n },
  bytes: bytesOf('{"participant_code":"é"}'),
  receivedAt: 1_700_000_000_123_456_789n,
  correlationId: "c",
};
const FRAME: Delivery = {
  ...WEBHOOK,
  channel: "feed",
  payloadType: "feed",
  notificationId: null,
  place: { connection: "c1", frame: 7 },
  verdict: { signature: "none" },
};

const prepare = (more: Partial<Delivery> = {}, base = WEBHOOK) =>
  prepareDelivery({ ...base, ...more }, TRANSLATIONS, hashing);

describe("prepareDelivery", () => {
  test("records what arrived, and how", () => {
    expect(prepare()).toMatchObject({
      correlationId: "c",
      received: {
        provider: "zerohash",
        channel: "webhook",
        payload_type: "participant_updated",
        notification_id: "n-1",
        verdict: { signature: "valid", scheme: "hmac", key: "2", sent_at: "2023-11-14T22:13:20Z" },
        sha256: hashing.sha256('{"participant_code":"é"}'),
        length: 25,
        received_at: "2023-11-14T22:13:20.123456789Z",
        translation: TRANSLATIONS.present,
      },
      reading: { ok: true },
    });
    expect(prepare({}, FRAME).received).toMatchObject({ connection: "c1", frame: 7 });
    expect(prepare({ notificationId: null }).received).not.toHaveProperty("notification_id");
  });

  test.each<[string, Partial<Delivery>, boolean]>([
    ["another notification id", { notificationId: "n-2" }, true],
    ["another arrival and verdict", { receivedAt: 1n, verdict: { signature: "stale" } }, true],
    ["other bytes", { bytes: bytesOf('{"participant_code":"e"}') }, false],
    ["spaces alone", { bytes: bytesOf('{"participant_code": "é"}') }, false],
    ["another payload type", { payloadType: "participant_status_changed" }, false],
    ["another channel", { channel: "backfill" }, false],
    ["another provider", { provider: "layer1" }, false],
  ])("a webhook with %s is the same delivery: %j", (_what, more, isSame) => {
    expect(prepare(more).id === prepare().id).toBe(isSame);
  });

  test.each<[string, Partial<Delivery>, boolean]>([
    ["other bytes", { bytes: bytesOf("{}") }, true],
    ["another frame", { place: { connection: "c1", frame: 8 } }, false],
    ["another connection", { place: { connection: "c2", frame: 7 } }, false],
  ])("a frame with %s is the same delivery: %j", (_what, more, isSame) => {
    expect(prepare(more, FRAME).id === prepare({}, FRAME).id).toBe(isSame);
  });

  test("gives the translation the text, or null if the bytes are not UTF-8", () => {
    const sources: Source[] = [];
    const translations = {
      present: 7,
      versions: {
        7: (source: Source) => {
          sources.push(source);
          return { ok: true, facts: [], snapshot: false } as const;
        },
      },
    };
    prepareDelivery(WEBHOOK, translations, hashing);
    const prepared = prepareDelivery(
      { ...FRAME, bytes: Uint8Array.of(0xff) },
      translations,
      hashing,
    );
    expect(prepared.received.translation).toBe(7);
    expect(sources).toEqual([
      {
        provider: "zerohash",
        channel: "webhook",
        payloadType: "participant_updated",
        text: '{"participant_code":"é"}',
        place: null,
        receivedAt: WEBHOOK.receivedAt,
        notificationId: "n-1",
      },
      expect.objectContaining({ text: null, place: FRAME.place, channel: "feed" }),
    ]);
  });

  test("keeps a frame in quarantine whose order on its socket cannot be told", () => {
    const session = {
      orderOf: () => {
        throw new RangeError("no such number");
      },
    };
    const translations = {
      present: 1,
      versions: { 1: () => ({ ok: true, facts: [], snapshot: false }) as const },
    };
    const read = prepareDelivery(FRAME, translations, hashing, session);
    const detail = "this program fails at it: RangeError: no such number";
    expect(read.reading).toEqual({ ok: false, reason: "defect", detail });
  });

  test("throws if the given translation does not exist", () => {
    const missing = { present: 2, versions: {} };
    expect(() => prepareDelivery(WEBHOOK, missing, hashing)).toThrow("no translation 2");
  });
});

describe("decodeBody", () => {
  test.each<[string, number[], string | null]>([
    ["UTF-8", [0xc3, 0xa9], "é"],
    ["a byte order mark stays", [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
    ["Latin-1", [0xe9], null],
    ["a surrogate in UTF-8", [0xed, 0xa0, 0x80], null],
    ["an overlong form", [0xc0, 0xaf], null],
    ["cut short", [0xe2, 0x82], null],
    ["nothing", [], ""],
  ])("%s", (_what, bytes, expected) => {
    expect(decodeBody(Uint8Array.from(bytes))).toBe(expected);
  });
});
