import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SCENARIOS } from "../../../../services/simulator/src/play-deliveries.ts";
import type { ScenarioStep } from "../../../../services/simulator/src/scenarios/scenario.ts";
import { testHashing } from "./testing/hashing.ts";
import {
  type Delivered,
  factsIn,
  read,
  readSource,
  refusalOf,
  sourceOf,
} from "./testing/reading.ts";
import { TRANSLATIONS } from "./translate.ts";

/** A body with the required fields of every type. */
const ZERO_HASH_BODY = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
  balance: "1",
  run_id: 1,
  deposit_id: "d",
  payment_id: "p",
  fund_id: "f",
  trade_id: "t",
  state: "s",
  status: "s",
};

const LAYER1_DATA = {
  id: "x",
  status: "S",
  address: { address: "0x1" },
};
const LAYER1_BALANCE = {
  address: "0x1",
  asset: "ETH",
  funds: [{ type: "AVAILABLE", balance: "1" }],
};

const typesIn = (delivered: Delivered) => factsIn(delivered).map(({ type }) => type);

describe("Zero Hash's payload types that no model folds (provider facts 2.3)", () => {
  test.each([
    "participant_status_changed",
    "participant_status_updated",
    "participant_updated",
    "participant_onboarding_status_updated",
    "onboarding_status_updated",
    "external_account_status_changed",
    "asset_mover_update",
    "customer_account_status_changed",
    "trade_strategy.operation.status_changed",
    "trade_strategy.execution.status_changed",
    "trade_strategy.trader.created",
    "token_signature_request",
    "internal_account_status_changed",
    "deposit_received",
    "payout_initiated",
    "payout_completed",
    "connect_deposit.status_changed",
    "connect_withdrawal.status_changed",
    "unspecified",
  ])("%s is recorded as a notification", (payloadType) => {
    expect(typesIn({ payloadType, body: ZERO_HASH_BODY })).toEqual(["NotificationRecorded"]);
  });

  test.each(["", "account_balance_changed", "toString", "__proto__", "withdrawal.status_changed"])(
    "%j is unknown and quarantined",
    (payloadType) => {
      const refusal = refusalOf({ payloadType, body: ZERO_HASH_BODY });
      expect(refusal).toBe(`unknown_type: payload type ${JSON.stringify(payloadType)}`);
    },
  );
});

describe("Layer1's events (provider facts 7.1)", () => {
  test.each([
    ["layer1:crypto:deposit:status-change", "DepositStatusReported"],
    ["layer1:digital:deposit:status-change", "DepositStatusReported"],
    ["layer1:digital:deposit:statusChange", "DepositStatusReported"],
    ["layer1:crypto:withdrawal:status-change", "WithdrawalStatusReported"],
    ["layer1:digital:withdrawal:status-change", "WithdrawalStatusReported"],
    ["layer1:crypto:withdrawal:statusChange", "WithdrawalStatusReported"],
    ["layer1:crypto:consolidation:status-change", "NotificationRecorded"],
    ["layer1:digital:consolidation:statusChange", "NotificationRecorded"],
    ["layer1:crypto:address:created", "NotificationRecorded"],
    ["layer1:digital:address:created", "NotificationRecorded"],
    ["layer1:trade:conversion:created", "NotificationRecorded"],
    ["layer1:trade:conversion:state-changed", "NotificationRecorded"],
    ["layer1:trade:venue:address:created", "NotificationRecorded"],
    ["layer1:trade:venue:withdrawal:created", "NotificationRecorded"],
    ["layer1:trade:venue:withdrawal:state-changed", "NotificationRecorded"],
    ["layer1:approval:request:vote-required", "NotificationRecorded"],
    ["layer1:approval:request:status-changed", "NotificationRecorded"],
    ["layer1:audit:api", "NotificationRecorded"],
    ["layer1:audit:authentication", "NotificationRecorded"],
    ["layer1:notification", "NotificationRecorded"],
    ["layer1:treasury:notification", "NotificationRecorded"],
    ["layer1:treasury:notice", "NotificationRecorded"],
  ])("%s is %s", (event, type) => {
    const body = { event, timestamp: "2024-06-05T20:40:16.941138099Z", data: LAYER1_DATA };
    expect(typesIn({ provider: "layer1", body })).toEqual([type]);
  });

  test.each(["layer1:crypto:balance:updated", "layer1:digital:balance:updated"])(
    "%s is FundsReported",
    (event) => {
      const body = { event, timestamp: "2024-06-05T20:40:16Z", data: LAYER1_BALANCE };
      expect(typesIn({ provider: "layer1", body })).toEqual(["FundsReported"]);
    },
  );
});

describe("an unreadable delivery", () => {
  const balance = (text: string | null) => ({ payloadType: "account_balance.changed", text });

  test.each([
    ["bytes that are not UTF-8", balance(null), "not_utf8: the body is not UTF-8"],
    ["nothing", balance(""), "not_json: text ends within a value, at 0"],
    ["a byte order mark", balance("\ufeff{}"), "not_json: not a JSON value, at 0"],
    ["a repeated key", balance('{"a":1,"a":1}'), 'not_json: the key "a" is repeated, at 10'],
    ["U+0000", balance('{"a":"\\u0000"}'), "not_json: a string holds U+0000, at 6"],
    ["a lone surrogate", balance('{"a":"\\ud800"}'), "not_json: a string holds a lone surrogate"],
    [
      "a page's arrow (provider facts 10.20)",
      balance('{"balance":"0.45", <-- balance\n}'),
      "not_json: ",
    ],
    ["a page's trailing comma (provider facts 10.20)", balance('{"body":[{},]}'), "not_json: "],
    ["a JavaScript literal (provider facts 10.30)", balance("{event: 'layer1'}"), "not_json: "],
    [
      "a missing brace (provider facts 10.20)",
      balance('"messageType": "balance-updated"'),
      "not_json: ",
    ],
    ["a long detail", balance(`{"a":${"9".repeat(5000)}}`), "not_json: a number of more than"],
  ])("%s", (_what, delivered, expected) => {
    expect(refusalOf(delivered)).toContain(expected);
  });

  test("a detail quotes at most 60 characters of what it found", () => {
    const body = { ...ZERO_HASH_BODY, balance: "x".repeat(100_000) };
    expect(refusalOf({ payloadType: "account_balance.changed", body }).length).toBeLessThan(150);
  });

  test("deliveries that an earlier translation left incomplete are completed by it", () => {
    const { present, versions } = TRANSLATIONS;
    const upToPresent = Array.from({ length: present }, (_, before) => String(before + 1));
    expect(Object.keys(versions)).toEqual(upToPresent);
  });
});

describe("what the providers' pages print", () => {
  const deliveredOf = (step: ScenarioStep): Delivered => {
    switch (step.kind) {
      case "zerohash-webhook":
        return { payloadType: step.payloadType, text: step.body };
      case "layer1-webhook":
        return { provider: "layer1", text: step.body };
      default:
        return { payloadType: "feed", frame: 1, text: step.text };
    }
  };

  test.each([
    ["balances-feed-use-cases", "BalanceReported×7 MovementRecorded×6 RunRecorded×5"],
    ["balances-feed-generic", "BalanceReported×3 MovementRecorded×2 RunRecorded×1"],
    ["account-balance-webhooks", "BalanceReported×4 MovementRecorded×4 RunRecorded×4"],
    ["fund-transaction", "FundReported×1"],
    ["trade-status", "TradeStatusReported×3"],
    ["deposit-status", "DepositStatusReported×5"],
    ["payment-crypto", "PaymentStatusReported×5"],
    ["payment-bank", "PaymentStatusReported×5"],
    ["layer1-deposit", "DepositStatusReported×5 FundsReported×6"],
  ])("%s holds %s", (name, expected) => {
    const steps = SCENARIOS.get(name)?.steps ?? [];
    const counts: Record<string, number> = {};
    for (const type of steps.flatMap((step) => typesIn(deliveredOf(step)))) {
      counts[type] = (counts[type] ?? 0) + 1;
    }
    const brief = Object.entries(counts).map(([type, count]) => `${type}×${count}`);
    expect(brief.sort().join(" ")).toBe(expected);
  });

  test("every step of every scenario is readable", () => {
    for (const { steps } of SCENARIOS.values()) {
      for (const step of steps) expect(factsIn(deliveredOf(step)).length).toBeGreaterThan(0);
    }
  });
});

describe("what becomes a key", () => {
  const balance = (participant_code: string) => ({
    payloadType: "account_balance.changed",
    body: { ...ZERO_HASH_BODY, participant_code },
  });
  const statusOf = (fields: object) => ({
    payloadType: "deposit.status_changed",
    body: { ...ZERO_HASH_BODY, ...fields },
  });
  const deposit = (deposit_id: string) => statusOf({ deposit_id });
  const trade = (fields: object) => ({
    payloadType: "trade.status_changed",
    body: { ...ZERO_HASH_BODY, ...fields },
  });
  const ofAccount = "zerohash::ABC123:general:available:BTC".length;

  test.each([
    ["an id", deposit("x".repeat(256))],
    ["an id of two bytes a character", deposit("é".repeat(128))],
    ["an account's id, escaped", balance("é".repeat((512 - ofAccount) / 6))],
  ])("may take so many bytes: %s", (_what, delivered) => {
    expect(typesIn(delivered)).not.toEqual([]);
  });

  test.each([
    ["an id", deposit("x".repeat(257)), "deposit_id of DepositStatusReported takes 257 bytes"],
    ["two bytes a character", deposit("é".repeat(129)), "takes 258 bytes, expected 256 at most"],
    ["what JSON escapes", deposit("\u0001".repeat(43)), "takes 258 bytes, expected 256 at most"],
    ["a participant", balance("é".repeat(100_000)), "account of BalanceReported takes 600038"],
    ["a trade's own id", trade({ client_trade_id: "x".repeat(257) }), "client_trade_id takes 257"],
    ["a word", statusOf({ state: "s".repeat(257) }), "status of DepositStatusReported takes 257"],
    [
      "an amount",
      statusOf({ amount: "1".repeat(257) }),
      "amount of DepositStatusReported takes 257",
    ],
  ])("and no more: %s", (_what, delivered, detail) => {
    const refusal = refusalOf(delivered);
    expect(refusal).toMatch(/^too_long: /);
    expect(refusal).toContain(detail);
    expect(refusal.length).toBeLessThan(400);
  });

  test("is not measured in deliveries that an earlier translation left incomplete", () => {
    const reading = TRANSLATIONS.versions[2]?.(sourceOf(deposit("x".repeat(3000))), testHashing);
    expect(reading?.ok).toBe(true);
  });
});

describe("translation is total and pure", () => {
  const KEYS = [
    ...Object.keys(ZERO_HASH_BODY),
    "messageType",
    "body",
    "movements",
    "movement_id",
    "change",
    "timestamp",
    "account_id",
    "obo_participant",
    "payment_details",
    "success",
    "event",
    "eventType",
    "data",
    "funds",
    "amount",
    "sources",
    "networkDetail",
  ];
  const WORDS = ["", "1", ".25", "abc", "initial-balance", "balance-updated", "AVAILABLE"];
  const TIMES = ["1746112989822", "2024-06-05T20:40:16.941138099Z", "1969-01-01T00:00:00Z"];
  const EVENTS = ["layer1:digital:balance:updated", "layer1:crypto:deposit:status-change"];
  const word = fc.oneof(fc.constantFrom(...WORDS, ...TIMES, ...EVENTS), fc.string());
  const leaf = fc.oneof(word, fc.constantFrom(null, true, false), fc.double(), fc.integer());
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    object: fc.dictionary(
      fc.oneof(
        { arbitrary: fc.constantFrom(...KEYS), weight: 9 },
        { arbitrary: fc.string(), weight: 1 },
      ),
      tie("value"),
      { noNullPrototype: true },
    ),
  }));
  /** A valid body, except that two of its fields are arbitrary. */
  const nearly = fc
    .tuple(
      fc.constantFrom<object>(ZERO_HASH_BODY, { event: EVENTS[0], data: LAYER1_BALANCE }),
      fc.dictionary(fc.constantFrom(...KEYS), json.value, { maxKeys: 2, noNullPrototype: true }),
    )
    .map(([body, fields]) => ({ ...body, ...fields }));
  const PAYLOAD_TYPES = [
    "account_balance.changed",
    "deposit.status_changed",
    "payment_status_changed",
    "deposit_fund_complete",
    "trade.status_changed",
    "participant_updated",
    "feed",
  ];
  const delivered = fc.record({
    provider: fc.constantFrom("zerohash" as const, "layer1" as const),
    channel: fc.constantFrom("webhook" as const, "feed" as const),
    payloadType: fc.oneof(fc.constantFrom(...PAYLOAD_TYPES), fc.string()),
    body: fc.oneof(json.value, nearly, fc.record({ messageType: word, body: nearly })),
  });

  const isStorable = (text: string) => !text.includes("\\u0000") && !/\\ud[89a-f]/.test(text);

  test("any JSON of any type gives valid facts or a reason, twice the same", () => {
    fc.assert(
      fc.property(delivered, (given) => {
        const source = sourceOf(given);
        const reading = readSource(source);
        expect(readSource({ ...source })).toEqual(reading);
        if (!reading.ok && isStorable(source.text ?? "")) {
          expect(["unknown_type", "shape", "amount", "time", "single_chain"]).toContain(
            reading.reason,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("any text at all is read or refused", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...PAYLOAD_TYPES), (text, payloadType) => {
        read({ text, payloadType });
      }),
    );
  });

  test("a documented text may be any text", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, text, (value, other) => {
        const body = {
          ...ZERO_HASH_BODY,
          participant_code: value,
          asset: other,
          account_label: value,
        };
        read({ payloadType: "account_balance.changed", body });
        read({ payloadType: "deposit.status_changed", body });
      }),
    );
  });

  test("facts depend on the bytes, the place and the arrival alone", () => {
    const source = sourceOf({ payloadType: "account_balance.changed", body: ZERO_HASH_BODY });
    const later = { ...source, receivedAt: source.receivedAt + 1n };
    expect(JSON.stringify(readSource(later))).not.toBe(JSON.stringify(readSource(source)));
    expect(JSON.stringify(readSource({ ...source }))).toBe(JSON.stringify(readSource(source)));
    expect(TRANSLATIONS.versions[TRANSLATIONS.present]?.(source, testHashing)).toEqual(
      readSource(source),
    );
  });
});

test("a body at which the program fails is kept in quarantine, with the error", () => {
  const broken = {
    ...testHashing,
    sha256: () => {
      throw new TypeError("no such digest");
    },
  };
  const { versions, present } = TRANSLATIONS;
  const source = sourceOf({ payloadType: "payment_status_changed", body: ZERO_HASH_BODY });
  expect(versions[present]?.(source, broken)).toMatchObject({
    ok: false,
    reason: "defect",
    detail: "this program fails at it: TypeError: no such digest",
  });
});
