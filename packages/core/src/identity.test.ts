import {
  type FactOf,
  PROVIDER_FACTS,
  type ProviderFact,
  type ProviderFactType,
} from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { amendmentId, deliveryId, eventId, factIdentity } from "./identity.ts";
import { testHashing as hashing } from "./translate/testing/hashing.ts";

/*
 * Frozen vectors of identity version 1. Streams hold these ids: a vector that no longer holds means
 * that every repeat would be recorded twice, so the code is wrong, never the vector. The ids were
 * computed apart from this code, with `uuid.uuid5` of Python over
 * `json.dumps(parts, ensure_ascii=False, separators=(",", ":"))`.
 */
const AVAILABLE = "zerohash:DEF456:ABC123:general:available:BTC";
const FUND = "layer1:0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9:ETH:available";
const TRANSFER = "018fea20a69e7cc58066f8d03362e797d18a869f191944a09e5e784d7ca8f45a";
const CONTENT = "a".repeat(64);
const EVENT = "00000000-0000-5000-8000-000000000001";
const DELIVERY = "00000000-0000-5000-8000-000000000002";

const zerohash = { provider: "zerohash" } as const;
const layer1 = { provider: "layer1" } as const;
const stamp = { content: CONTENT, received_at: "2025-05-01T15:23:09Z", translation: 1 };

function fact<Type extends ProviderFactType>(type: Type, data: Partial<FactOf<Type>["data"]>) {
  return { type, data: { ...stamp, ...data } } as unknown as ProviderFact;
}

const FACT_VECTORS: readonly (readonly [id: string, fact: ProviderFact])[] = [
  [
    "16cc7c51-36ad-54c8-a5f5-aab69e89a6eb",
    fact("RunRecorded", { ...zerohash, run_id: "94087", run_type: "withdrawal" }),
  ],
  [
    "955580a6-946e-5448-b6d5-27a76b4b4619",
    fact("RunRecorded", { ...zerohash, run_id: 'Zürich "№ 5" 😀\n' }),
  ],
  [
    "9a9e220b-754a-50da-993c-50eef0344c73",
    fact("MovementRecorded", {
      ...zerohash,
      account: AVAILABLE,
      movement_id: "61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      run_id: "94087",
      change: "-0.1",
    }),
  ],
  [
    "c4cf3542-7e77-563f-a1aa-eca9994525dc",
    fact("BalanceReported", { ...zerohash, account: AVAILABLE, run_id: "94087", balance: "0.35" }),
  ],
  [
    "c4cf3542-7e77-563f-a1aa-eca9994525dc",
    fact("BalanceReported", {
      ...zerohash,
      account: AVAILABLE,
      run_id: "94087",
      place: { connection: "c1", frame: 7 },
    }),
  ],
  [
    "61224ccb-5a01-54cd-a126-cb2c148eb8e9",
    fact("BalanceReported", {
      ...zerohash,
      account: AVAILABLE,
      place: { connection: "c1", frame: 7 },
    }),
  ],
  [
    "a1724ab5-75f0-58e4-8319-6d71b1c892ea",
    fact("FundsReported", {
      ...layer1,
      account: FUND,
      balance: "0",
      occurred_at: "2024-06-05T20:40:16.941138099Z",
    }),
  ],
  [
    "e60d0556-75b6-51e5-a000-8d1a551214e1",
    fact("DepositStatusReported", {
      ...zerohash,
      deposit_id: "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
      status: "initial",
    }),
  ],
  [
    "f2c32bc0-a682-590c-ad15-f48ff2e6fe16",
    fact("DepositStatusReported", {
      ...layer1,
      deposit_id: TRANSFER.slice(0, 32),
      leg_id: `${TRANSFER}6f`,
      status: "DETECTED",
    }),
  ],
  [
    "8c5c6048-f4d3-57b2-8c8d-cebf36d09fd6",
    fact("WithdrawalStatusReported", {
      ...layer1,
      withdrawal_id: TRANSFER.slice(0, 32),
      leg_id: `${TRANSFER}69`,
      status: "SIGNED",
    }),
  ],
  [
    "b6d7ade1-2e4e-5155-a2fc-57727bd63da8",
    fact("PaymentStatusReported", {
      ...zerohash,
      payment: "c2f4a7de-52ad-4bb5-9a43-2b7b8c7e9f10",
      status: "posted",
    }),
  ],
  [
    "0d55f1b8-a9fe-5521-845a-e3e8bd46b8db",
    fact("FundReported", { ...zerohash, fund: "5155f7c9-95cb-4556-ab89-c178943a7111" }),
  ],
  [
    "4fe5d081-1f16-5e7f-a7f7-130499c7ad38",
    fact("TradeStatusReported", {
      ...zerohash,
      trade_id: "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
      status: "accepted",
    }),
  ],
  [
    "3a8c9e88-0690-5f2d-bef0-4fbc25ade5e7",
    fact("NotificationRecorded", { ...zerohash, payload_type: "participant_status_changed" }),
  ],
];

describe("identity version 1, frozen", () => {
  test.each(FACT_VECTORS.map(([id, vector]) => [id, vector.type, vector] as const))(
    "%s is a %s",
    (id, _type, vector) => {
      expect(eventId(factIdentity(vector), hashing)).toBe(id);
    },
  );

  test("every type of fact has a vector", () => {
    const covered = new Set(FACT_VECTORS.map(([, { type }]) => type));
    expect([...covered].sort()).toEqual([...PROVIDER_FACTS].sort());
  });

  test.each([
    ["02922d69-dc22-5c10-ad78-26231f828959", "LedgerOpened", "default"],
    ["eff598d8-fff6-544b-bfbd-d6be13ab89ab", "DeliveryCompleted", EVENT],
    ["e73b7566-c7f6-59ff-b00c-eeece50705c2", "DeliveryDivided", EVENT],
    ["e3b6e0fa-4b1d-5134-8792-74ff7aef36b6", "DeliveryQuarantined", EVENT],
    ["2820c9bc-315b-5b56-9fdf-35fd3de5ea86", "FeedOpened", "c1"],
    ["fab81063-df04-55c6-bfde-c295ea71bbd2", "FeedClosed", "c1"],
  ])("%s is %s of %s", (id, what, part) => {
    expect(eventId([what, part], hashing)).toBe(id);
  });

  test.each([
    ["eb7cd61c-cf4c-5612-b704-c1b73fe43bf8", "webhook", "zerohash", "account_balance.changed"],
    ["5cf90038-3342-523a-96db-189feb9df3e0", "backfill", "zerohash", "GET /accounts"],
    ["3d5cb5b6-0b1f-56d9-ae2b-b62defb438cb", "import", "layer1", ""],
  ] as const)("%s is a %s delivery of %s, %j", (id, channel, provider, payloadType) => {
    expect(deliveryId({ channel, provider, payloadType, sha256: CONTENT }, hashing)).toBe(id);
  });

  test("a feed frame is known by connection and number", () => {
    const frame = { channel: "feed", connection: "c1", frame: 7 } as const;
    expect(deliveryId(frame, hashing)).toBe("a511cc1b-327f-5dbd-923b-0880a38872f8");
  });

  test.each([
    [
      "91eab421-3b51-5400-a484-b95378053e5a",
      "FactSeen",
      { withdrawal_request_id: "27669", occurred_at: "2021-11-29T12:37:06.534066Z" },
    ],
    [
      "91eab421-3b51-5400-a484-b95378053e5a",
      "FactSeen",
      { occurred_at: "2021-11-29T12:37:06.534066Z", withdrawal_request_id: "27669" },
    ],
    ["cc22cdc6-afc4-58cc-a06f-14e60609989b", "FactSeen", { place: { connection: "c1", frame: 7 } }],
    ["3d46f3ed-61ac-55c1-a238-bd00038ebe12", "FactContradicted", { balance: "0.35" }],
    ["ff731d72-b863-502b-a279-1dbca0207d01", "FactCorrected", ["1", DELIVERY]],
    ["3cc83498-fbd1-5fc6-995b-1d75afa066a1", "FactCorrected", ["2", null]],
    ["34207fdd-98fd-533e-a808-ccc419a926a0", "FactWithdrawn", ["2", null]],
  ])("%s is %s of %j", (id, what, content) => {
    expect(amendmentId(what, EVENT, content, hashing)).toBe(id);
  });
});

describe("eventId", () => {
  const part = fc.option(fc.string({ unit: "grapheme" }), { nil: null });

  test("is a UUID of version 5 and variant 2", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(part), (what, parts) => {
        expect(eventId([what, ...parts], hashing)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
      }),
    );
  });

  test("does not run parts together, and null is no text", () => {
    const identities = [
      ["a", "b", "c"],
      ["a", "b,c"],
      ["a", 'b","c'],
      ["a", null],
      ["a", "null"],
    ];
    const ids = identities.map(([what = "", ...parts]) => eventId([what ?? "", ...parts], hashing));
    expect(new Set(ids).size).toBe(identities.length);
  });

  test("long parts after short ones, and short ones after long", () => {
    const short = eventId(["a", "b"], hashing);
    const long = eventId(["a", "😀".repeat(10_000)], hashing);
    expect(eventId(["a", "b"], hashing)).toBe(short);
    expect(eventId(["a", "😀".repeat(10_000)], hashing)).toBe(long);
    expect(long).not.toBe(short);
  });
});
