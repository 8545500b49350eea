import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { chainHash, emptyHead, type Head, headOf, sealEvent } from "./chain.ts";

/*
 * The test vector of the hash chain, format 1: frozen. A ledger named `größe`, three events. The
 * hashes were computed apart from this code, with `hashlib.sha256` of Python, from the specification
 * in chain.ts alone; a verifier of dumps in another language can start from them.
 */
const LEDGER = "größe";
const EMPTY = "d353a2671b67afff0941ae456e5c76e9394bd6579774ae7542a6185fb9843384";

const VECTOR: readonly RecordedEvent[] = [
  {
    position: 1,
    id: "00000000-0000-5000-8000-000000000001",
    type: "LedgerOpened",
    schema_version: 1,
    subject: "ledger",
    occurred_at: null,
    recorded_at: 1_700_000_000_000_000_001n,
    causation_id: null,
    correlation_id: null,
    data: '{"name":"größe","format":1,"environment":"production"}',
    hash: "d67c3f95e2d70aebe10011775eec2c92fb41d18fa9e0c3b0ad62e614a025bbb1",
  },
  {
    position: 2,
    id: "00000000-0000-5000-8000-000000000002",
    type: "MovementRecorded",
    schema_version: 1,
    subject: "zerohash:DEF456:ABC123:general:available:BTC",
    occurred_at: 1_638_189_426_534_066_177n,
    recorded_at: 1_700_000_000_000_000_001n,
    causation_id: "00000000-0000-5000-8000-0000000000aa",
    correlation_id: 'line "1"\n😀',
    data: '{"movement_id":"😀\\u00e9é","change":"-0.1" , "b":1,"a":"\\n"}',
    hash: "7260b8f98c7c5014cf82c00d8b2e65029a0eb3b8bbdcb951e761cc058900c44d",
  },
  {
    position: 3,
    id: "00000000-0000-5000-8000-000000000003",
    type: "FundReported",
    schema_version: 12,
    subject: "fund:zerohash:Ωμέγα",
    occurred_at: 0n,
    recorded_at: 7_289_654_399_999_999_999n,
    causation_id: "00000000-0000-5000-8000-0000000000ab",
    correlation_id: null,
    data: "{}",
    hash: "f47e2d076d1edeb9ccefbb98a977cc648f6cc980ef3d31bf1c5b0ba5cc596aae",
  },
];

const newEventOf = ({ position: _p, recorded_at: _r, hash: _h, ...event }: RecordedEvent) => ({
  ...event,
  about: null,
});

const [FIRST, SECOND] = VECTOR as [RecordedEvent, RecordedEvent];

describe("the hash chain, format 1, frozen", () => {
  test("begins with SHA-256 of the ledger's name", () => {
    expect(emptyHead(LEDGER, hashing)).toEqual({ position: 0, hash: EMPTY, recordedAt: 0n });
  });

  test("holds the vector", () => {
    let previous = EMPTY;
    for (const event of VECTOR) {
      expect(chainHash(previous, event, hashing)).toBe(event.hash);
      previous = event.hash;
    }
  });

  test("sealing the same events gives the same records", () => {
    let head = emptyHead(LEDGER, hashing);
    const sealed = VECTOR.map((event) => {
      const record = sealEvent(head, newEventOf(event), event.recorded_at, hashing);
      head = headOf(record);
      return record;
    });
    expect(sealed).toEqual(VECTOR);
    expect(head).toEqual({
      position: 3,
      hash: VECTOR[2]?.hash,
      recordedAt: 7_289_654_399_999_999_999n,
    });
  });

  test("the previous hash may be written in either case", () => {
    expect(chainHash(FIRST.hash.toUpperCase(), SECOND, hashing)).toBe(SECOND.hash);
  });
});

describe("tampering", () => {
  const CHANGES: { readonly [Field in Exclude<keyof RecordedEvent, "hash">]: unknown } = {
    position: 3,
    id: "00000000-0000-5000-8000-00000000000f",
    type: "BalanceReported",
    schema_version: 2,
    subject: "zerohash:DEF456:ABC123:general:available:ETH",
    occurred_at: SECOND.occurred_at === null ? 0n : SECOND.occurred_at + 1n,
    recorded_at: SECOND.recorded_at + 1n,
    causation_id: "00000000-0000-5000-8000-00000000000f",
    correlation_id: 'line "1"\\n😀',
    data: SECOND.data.replace("-0.1", "-0.2"),
  };

  test.each(Object.entries(CHANGES))("with %s shows", (field, value) => {
    expect(chainHash(FIRST.hash, { ...SECOND, [field]: value }, hashing)).not.toBe(SECOND.hash);
  });

  test.each(["occurred_at", "causation_id", "correlation_id"])("%s: null is no text", (field) => {
    const hashOf = (value: unknown) => chainHash(EMPTY, { ...SECOND, [field]: value }, hashing);
    expect(new Set([hashOf(null), hashOf("null"), hashOf("")]).size).toBe(3);
  });

  test("with the order of events, or with spaces in data, shows", () => {
    expect(chainHash(EMPTY, SECOND, hashing)).not.toBe(SECOND.hash);
    const spaced = { ...SECOND, data: SECOND.data.replace(" , ", ", ") };
    expect(chainHash(FIRST.hash, spaced, hashing)).not.toBe(SECOND.hash);
  });

  test("text cannot move from one field to the next", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 6 });
    const fields = fc.record({ type: text, subject: text, correlation_id: text, data: text });
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        const [one, other] = [a, b].map((changed) =>
          chainHash(EMPTY, { ...SECOND, ...changed }, hashing),
        );
        expect(one === other).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

describe("sealEvent", () => {
  const event: NewEvent = newEventOf(FIRST);

  test("positions are dense and recorded_at never falls, whatever the clock does", () => {
    const clock = fc.array(fc.bigInt({ min: 0n, max: 1n << 62n }), { maxLength: 20 });
    fc.assert(
      fc.property(clock, (times) => {
        let head: Head = emptyHead(LEDGER, hashing);
        for (const now of times) {
          const sealed = sealEvent(head, event, now, hashing);
          expect(sealed.position).toBe(head.position + 1);
          expect([now, head.recordedAt]).toContain(sealed.recorded_at);
          expect(sealed.recorded_at >= head.recordedAt && sealed.recorded_at >= now).toBe(true);
          head = headOf(sealed);
        }
      }),
    );
  });

  test("data longer than any before is hashed whole", () => {
    const long = { ...event, data: `"${"€".repeat(100_000)}"` };
    const head = emptyHead(LEDGER, hashing);
    const whole = sealEvent(head, long, 0n, hashing);
    const cut = sealEvent(head, { ...long, data: `${long.data.slice(0, -2)}$"` }, 0n, hashing);
    expect(whole.hash).not.toBe(cut.hash);
    expect(sealEvent(head, event, 0n, hashing)).not.toHaveProperty("about");
  });
});
