import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { type Delivered, onlyData, RECEIVED_AT, refusalOf } from "./testing/reading.ts";
import { TRANSLATIONS } from "./translate.ts";

type Fields = Readonly<Record<string, unknown>>;

const of = (payloadType: string, body: unknown): Delivered => ({ payloadType, body });
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

describe("deposit.status_changed", () => {
  const DEPOSIT = {
    deposit_id: "7f0f1f3e",
    account_id: "PART123.general",
    participant_code: "PART123",
    asset: "ETH",
    amount: "1.250",
    transaction_hash: "0x5fee",
    source_address: "0xae9e",
    received_address: "0xf648",
    state: "initial",
    timestamp: 1777456800,
  };
  const deposit = (more: Fields = {}) =>
    onlyData(of("deposit.status_changed", { ...DEPOSIT, ...more }), "DepositStatusReported");

  test("is a deposit's status", () => {
    const { content, ...data } = deposit();
    expect(data).toEqual({
      provider: "zerohash",
      deposit_id: "7f0f1f3e",
      status: "initial",
      occurred_at: "2026-04-29T10:00:00Z",
      account_id: "PART123.general",
      participant_code: "PART123",
      account_label: "general",
      asset: "ETH",
      amount: "1.25",
      transaction_hash: "0x5fee",
      source_address: "0xae9e",
      received_address: "0xf648",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
    expect(content).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ["the label in account_id (provider facts 10.7)", {}, { account_label: "general" }],
    ["a label with a dot", { account_id: "PART123.a.b" }, { account_label: "a.b" }],
    ["its own label wins", { account_label: "own" }, { account_label: "own" }],
    [
      "an id that only begins alike",
      { account_id: "PART1234.general" },
      { account_label: undefined },
    ],
    ["a UUID", { account_id: "009bbe95-256b" }, { account_label: undefined }],
    ["an empty label", { account_id: "PART123." }, { account_label: undefined }],
    [
      "no participant",
      { participant_code: null, account_id: "undefined.general" },
      { account_label: undefined },
    ],
    ["REST's words (provider facts 10.13)", { state: "CREDITED" }, { status: "CREDITED" }],
    ["status for state", { state: null, status: "confirmed" }, { status: "confirmed" }],
    ["an unknown state", { state: "recovery_quarantine" }, { status: "recovery_quarantine" }],
    ["why", { state_reason: "travel_rule_info_timeout" }, { reason: "travel_rule_info_timeout" }],
    ["amount as a number", { amount: 1.25 }, { amount: "1.25" }],
    ["amount unknown", { amount: "" }, { amount: undefined }],
    [
      "asset and network apart (provider facts 10.17)",
      { asset: "USDC", network: "BASE" },
      { asset: "USDC", network: "BASE" },
    ],
    ["milliseconds", { timestamp: 1777456800123 }, { occurred_at: "2026-04-29T10:00:00.123Z" }],
    ["no time", { timestamp: null }, { occurred_at: undefined }],
  ])("%s", (_what, fields, expected) => {
    const data: Fields = deposit(fields);
    for (const [key, value] of Object.entries(expected)) expect(data[key]).toBe(value);
  });

  test.each([
    ["no id", { deposit_id: "" }, "shape: deposit, at deposit_id"],
    ["no state", { state: "" }, "shape: state is missing"],
    ["an amount of words", { amount: "some" }, "amount: amount is a text of 4 characters"],
    ["an amount of two points", { amount: "1.2.3" }, 'amount: amount is "1.2.3", expected a'],
    ["a time of words", { timestamp: "today" }, "time: timestamp is a text of 5 characters"],
  ])("%s is quarantined", (_what, fields, expected) => {
    expect(refusalOf(of("deposit.status_changed", { ...DEPOSIT, ...fields }))).toContain(expected);
  });
});

describe("payment_status_changed", () => {
  const CRYPTO = {
    payment_id: "c2f4a7de",
    reference_id: "order-1001",
    participant_code: "PART01",
    obo_participant: { participant_code: "PART09", account_label: "savings" },
    account_label: "general",
    payment_type: "payout",
    status: "posted",
    asset: "USDC",
    network: "BASE",
    quantity: "25.50",
    total: "26",
    payment_details: {
      withdrawal_request_id: "27669",
      trade_id: "",
      on_chain_transaction_id: "",
      network_fee_asset: "USD",
      network_fee_quantity: "0.020",
      destination_address: "0x84a4",
    },
    created_at: "2025-05-01T15:27:02.874Z",
    updated_at: "2025-05-01T15:27:02.874Z",
  };
  const BANK = {
    transaction_id: "0d1be1a4",
    participant_code: "PART01",
    type: "debit",
    payment_status: "returned",
    asset: "USD",
    amount: "250.00",
    reason_code: "R01",
    reason_description: "Insufficient Funds",
    timestamp: 1748010603550,
  };
  const payment = (body: Fields) =>
    onlyData(of("payment_status_changed", body), "PaymentStatusReported");

  test("the crypto shape", () => {
    const { content: _, ...data } = payment(CRYPTO);
    expect(data).toEqual({
      provider: "zerohash",
      payment: "c2f4a7de",
      payment_id: "c2f4a7de",
      status: "posted",
      occurred_at: "2025-05-01T15:27:02.874Z",
      payment_type: "payout",
      withdrawal_request_id: "27669",
      participant_code: "PART09",
      account_label: "savings",
      beneficiary_code: "PART01",
      beneficiary_label: "general",
      asset: "USDC",
      network: "BASE",
      amount: "25.5",
      total: "26",
      fee: "0.02",
      fee_asset: "USD",
      destination_address: "0x84a4",
      reference: "order-1001",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
  });

  test("the bank shape", () => {
    const { content: _, ...data } = payment(BANK);
    expect(data).toEqual({
      provider: "zerohash",
      payment: "0d1be1a4",
      transaction_id: "0d1be1a4",
      status: "returned",
      occurred_at: "2025-05-23T14:30:03.550Z",
      payment_type: "debit",
      participant_code: "PART01",
      asset: "USD",
      amount: "250",
      reason: "Insufficient Funds",
      reason_code: "R01",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
  });

  test.each([
    [
      "payment_type withdrawal (provider facts 10.18)",
      { payment_type: "withdrawal" },
      { payment_type: "withdrawal" },
    ],
    [
      "the owner, and whom the owner pays",
      {},
      { account_label: "savings", beneficiary_code: "PART01", beneficiary_label: "general" },
    ],
    [
      "an owner that names its group",
      {
        account_group: "GROUP1",
        obo_participant: {
          participant_code: "PAYOR1",
          account_group: "PLAT01",
          account_label: "treasury",
        },
      },
      {
        participant_code: "PAYOR1",
        account_group: "PLAT01",
        account_label: "treasury",
        beneficiary_code: "PART01",
        beneficiary_group: "GROUP1",
      },
    ],
    [
      "the nil UUID names no request",
      {
        payment_details: { withdrawal_request_id: "00000000-0000-0000-0000-000000000000" },
      },
      { withdrawal_request_id: undefined },
    ],
    ["the label of obo_participant", { account_label: "" }, { account_label: "savings" }],
    [
      "the participant of obo_participant",
      { participant_code: null },
      { participant_code: "PART09", beneficiary_code: undefined },
    ],
    ["no obo_participant", { obo_participant: null }, { account_label: "general" }],
    ["no details", { payment_details: null }, { withdrawal_request_id: undefined, fee: undefined }],
    ["an unknown state", { status: "initiatlized" }, { status: "initiatlized" }],
    ["cancelled (provider facts 10.16)", { status: "cancelled" }, { status: "cancelled" }],
    ["canceled (provider facts 10.16)", { status: "canceled" }, { status: "canceled" }],
    [
      "PENDING_TRADE (provider facts 10.14)",
      { status: "PENDING_TRADE" },
      { status: "PENDING_TRADE" },
    ],
    ["payment_id null", { payment_id: null, transaction_id: "t" }, { payment: "t" }],
    [
      "created_at alone",
      { updated_at: "", created_at: 1746112989822 },
      { occurred_at: "2025-05-01T15:23:09.822Z" },
    ],
    ["total is no amount", { quantity: "" }, { amount: undefined, total: "26" }],
    [
      "reject_reasons as text (provider facts 10.11)",
      { reject_reasons: "name" },
      { reason: "name" },
    ],
    [
      "reject_reasons as a list (provider facts 10.11)",
      { reject_reasons: ["name", "age"] },
      { reason: "name; age" },
    ],
    ["reject_reasons empty", { reject_reasons: [] }, { reason: undefined }],
    [
      "a description beside reject_reasons",
      { reject_reasons: ["a"], reason_description: "b" },
      { reason: "b" },
    ],
  ])("%s", (_what, fields, expected) => {
    const data: Fields = payment({ ...CRYPTO, ...fields });
    for (const [key, value] of Object.entries(expected)) expect(data[key]).toBe(value);
  });

  test("without any id it is known by its digest", () => {
    const body = { payment_status: "failed", amount: 1 };
    const data = payment(body);
    expect(data.payment).toBe(`digest:${digest('{"amount":1,"payment_status":"failed"}')}`);
    expect(payment({ ...body, payment_id: "", transaction_id: "" }).payment).toMatch(/^digest:/);
  });

  test.each([
    ["no state", { status: null }, "shape: status is missing"],
    ["details that are a list", { payment_details: [] }, "shape: payment, at payment_details"],
    ["a fee of words", { payment_details: { network_fee_quantity: "?" } }, "amount: network_fee"],
    ["a time without zone", { updated_at: "2025-05-01 15:27" }, "time: the payment's time"],
  ])("%s is quarantined", (_what, fields, expected) => {
    expect(refusalOf(of("payment_status_changed", { ...CRYPTO, ...fields }))).toContain(expected);
  });
});

describe("payout.status_updated (provider facts 4.4)", () => {
  const PAYMENT = {
    payment_id: "pmt_abc123",
    description: "Contractor payout",
    asset: "USDC",
    quoted_asset: "USD",
    total: "100.00",
    rate: "1.00",
    destination_amount: "100.00",
    status: "settled",
    network: "SOL",
    payment_details: {
      withdrawal_request_id: "wr_xyz456",
      trade_id: "tr_abc123",
      on_chain_transaction_id: "0xabc123...",
      network_fee_notional: "0.01",
      network_fee_quantity: "0.0000000384712",
    },
  };
  const PAYOR = {
    participant_code: "PAYOR1",
    payor: { participant_code: "UPAYOR1", status: "approved" },
  };
  const BENEFICIARY = {
    participant_code: "BENEF1",
    status: "approved",
    external_account: {
      external_account_id: "ea_xyz789",
      status: "approved",
      crypto_address: "ab123...",
    },
  };
  const PAYOUT = {
    payout_id: "payout_abc123",
    idempotency_key: "your-idempotency-key",
    created_at: "2026-05-06T12:00:00Z",
    updated_at: "2026-05-06T12:01:45Z",
    status: "completed",
    sub_status: "payment.settled",
    previous_sub_status: "payment.posted",
    timestamp: "2026-05-06T12:08:45Z",
    failure_reason: null,
  };
  const body = (resources: Fields = {}, more: Fields = {}) => ({
    ...PAYOUT,
    resources: { payor: PAYOR, beneficiary: BENEFICIARY, payment: PAYMENT, ...resources },
    ...more,
  });
  const payment = (fields: Fields = {}) => ({ payment: { ...PAYMENT, ...fields } });
  const details = (fields: Fields) =>
    payment({ payment_details: { ...PAYMENT.payment_details, ...fields } });
  const payout = (resources?: Fields, more?: Fields) =>
    onlyData(of("payout.status_updated", body(resources, more)), "PaymentStatusReported");

  test("is its payment's status", () => {
    const { content: _, ...data } = payout();
    expect(data).toEqual({
      provider: "zerohash",
      payment: "pmt_abc123",
      payment_id: "pmt_abc123",
      status: "settled",
      occurred_at: "2026-05-06T12:08:45Z",
      payment_type: "payout",
      withdrawal_request_id: "wr_xyz456",
      trade_id: "tr_abc123",
      participant_code: "UPAYOR1",
      beneficiary_code: "BENEF1",
      asset: "USDC",
      network: "SOL",
      amount: "100",
      total: "100",
      quoted_currency: "USD",
      fee: "0.0000000384712",
      transaction_hash: "0xabc123...",
      destination_address: "ab123...",
      reference: "your-idempotency-key",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
  });

  test.each<[string, Fields, Fields, Fields]>([
    [
      "nothing sent yet",
      details({ withdrawal_request_id: null, on_chain_transaction_id: null }),
      { sub_status: "payment.submitted", status: "pending" },
      { status: "submitted", withdrawal_request_id: undefined, transaction_hash: undefined },
    ],
    [
      "failed, without details",
      { payment: { payment_id: "p", on_chain_transaction_id: "0xabc", status: "failed" } },
      { sub_status: "payment.failed", failure_reason: "on_chain_transaction_failed" },
      { status: "failed", transaction_hash: "0xabc", reason: "on_chain_transaction_failed" },
    ],
    ["a payment's status that is late", payment({ status: "posted" }), {}, { status: "settled" }],
    [
      "a sub-status of another part",
      {},
      { sub_status: "beneficiary.approved" },
      { status: "settled" },
    ],
    ["no sub-status", payment({ status: "posted" }), { sub_status: null }, { status: "posted" }],
    ["an unknown word", {}, { sub_status: "payment.on_hold" }, { status: "on_hold" }],
    [
      "a payor that pays for itself",
      { payor: { participant_code: "PAYOR1", payor: { participant_code: null } } },
      {},
      { participant_code: "PAYOR1", beneficiary_code: "BENEF1" },
    ],
    [
      "somebody who pays itself",
      { beneficiary: { participant_code: "UPAYOR1" } },
      {},
      { beneficiary_code: undefined, destination_address: undefined },
    ],
    ["no parties", { payor: null, beneficiary: null }, {}, { participant_code: undefined }],
    ["total is no amount", payment({ destination_amount: null }), {}, { amount: undefined }],
    ["updated_at alone", {}, { timestamp: null }, { occurred_at: "2026-05-06T12:01:45Z" }],
  ])("%s", (_what, resources, more, expected) => {
    const data: Fields = payout(resources, more);
    for (const [key, value] of Object.entries(expected)) expect(data[key]).toBe(value);
  });

  test.each<[string, Fields, Fields]>([
    ["a payor is looked at", { payment: { payment_id: null, rate: "1.00" } }, {}],
    ["no payment", { payment: null }, {}],
    ["no resources", {}, { resources: null }],
  ])("before there is a payment it is a notification: %s", (_what, resources, more) => {
    const delivered = body(resources, {
      ...{ status: "rejected", sub_status: "payor.payor.rejected" },
      ...more,
    });
    const data = onlyData(of("payout.status_updated", delivered), "NotificationRecorded");
    expect(data).toMatchObject({
      payload_type: "payout.status_updated",
      status: "payor.payor.rejected",
      about: "payout_abc123",
      occurred_at: "2026-05-06T12:08:45Z",
    });
  });

  test("nothing has a status yet", () => {
    const delivered = body({ payment: null }, { status: "pending", sub_status: null });
    const data = onlyData(of("payout.status_updated", delivered), "NotificationRecorded");
    expect(data.status).toBe("pending");
  });

  test.each<[string, Fields, Fields, string]>([
    ["no status", payment({ status: null }), { sub_status: null }, "shape: the payment's status"],
    ["an amount of words", payment({ destination_amount: "all" }), {}, "amount: destination"],
    ["a fee of words", details({ network_fee_quantity: "?" }), {}, "amount: network_fee"],
    ["a time of words", {}, { timestamp: "soon" }, "time: the payout's time"],
    ["resources that are a list", {}, { resources: [] }, "shape: payout, at resources"],
  ])("%s is quarantined", (_what, resources, more, expected) => {
    expect(refusalOf(of("payout.status_updated", body(resources, more)))).toContain(expected);
  });
});

describe.each(["deposit_fund_complete", "crypto_pay_status_changed"])("%s", (payloadType) => {
  const FUND = {
    participant_code: "CUST01",
    fund_asset: "USDC",
    rate: "1",
    quoted_currency: "USD",
    deposit_address: "0x3A45",
    quantity: "500.00",
    notional: "500",
    fund_id: "5155f7c9-362fo",
    fund_timestamp: 1550174574,
    transaction_id: "a07407",
    account_label: "general",
    success: true,
    status_reason: "deposit above maximum threshold",
  };
  const fund = (more: Fields = {}) =>
    onlyData(of(payloadType, { ...FUND, ...more }), "FundReported");

  test("is a fund's report; success and the reason against it both stand (provider facts 10.10)", () => {
    const { content: _, ...data } = fund();
    expect(data).toEqual({
      provider: "zerohash",
      fund: "5155f7c9-362fo",
      fund_id: "5155f7c9-362fo",
      success: true,
      occurred_at: "2019-02-14T20:02:54Z",
      participant_code: "CUST01",
      account_label: "general",
      asset: "USDC",
      quantity: "500",
      rate: "1",
      notional: "500",
      quoted_currency: "USD",
      transaction_hash: "a07407",
      deposit_address: "0x3A45",
      reason: "deposit above maximum threshold",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
  });

  test.each([
    ["success as text (provider facts 10.11)", { success: "true" }, { success: true }],
    ["success as TRUE", { success: "TRUE" }, { success: true }],
    ["failure as text", { success: "false" }, { success: false }],
    ["failure", { success: false }, { success: false }],
    ["success missing", { success: undefined }, { success: undefined }],
    ["success null", { success: null }, { success: undefined }],
    ["success of another word", { success: "yes" }, { success: undefined }],
    [
      "reason for status_reason (provider facts 10.10)",
      { status_reason: "", reason: "depegged" },
      { reason: "depegged" },
    ],
    ["a code", { status_reason_code: "UNDERPAY" }, { reason_code: "UNDERPAY" }],
    ["the code's other name", { reason_code: "OVERPAY" }, { reason_code: "OVERPAY" }],
    [
      "nothing on failures",
      { rate: undefined, notional: "", fund_timestamp: undefined },
      { rate: undefined, notional: undefined, occurred_at: undefined },
    ],
    [
      "deposit_timestamp",
      { fund_timestamp: null, deposit_timestamp: 1746112989822 },
      { occurred_at: "2025-05-01T15:23:09.822Z" },
    ],
    ["asset for fund_asset", { fund_asset: null, asset: "ETH" }, { asset: "ETH" }],
    ["an id that is no UUID (provider facts 10.7)", { fund_id: 17 }, { fund: "17", fund_id: "17" }],
    [
      "no hash on expiry",
      { transaction_id: "", source_address: "-" },
      { transaction_hash: undefined, source_address: "-" },
    ],
  ])("%s", (_what, fields, expected) => {
    const data: Fields = fund(fields);
    for (const [key, value] of Object.entries(expected)) expect(data[key]).toBe(value);
  });

  test("nanoseconds as a JSON integer beyond 2^53 are exact", () => {
    const text = JSON.stringify(FUND).replace("1550174574", "1750404905186631445");
    const data = onlyData({ payloadType, text }, "FundReported");
    expect(data.occurred_at).toBe("2025-06-20T07:35:05.186631445Z");
  });

  test("without id it is known by its digest", () => {
    const data = fund({ fund_id: "" });
    expect(data.fund).toBe(`digest:${data.content}`);
    expect(data).not.toHaveProperty("fund_id");
  });

  test.each([
    ["a rate of words", { rate: "par" }, "amount: rate"],
    ["success that is an object", { success: {} }, "shape: fund, at success"],
    ["a time in 1969", { fund_timestamp: -5 }, "time: fund_timestamp"],
  ])("%s is quarantined", (_what, fields, expected) => {
    expect(refusalOf(of(payloadType, { ...FUND, ...fields }))).toContain(expected);
  });
});

describe.each(["trade.status_changed", "trade_status_changed"])(
  "%s (provider facts 10.3)",
  (payloadType) => {
    const TRADE = {
      contract_size: "1",
      parties: [{ participant_code: "Anonymous", zrn: "z", settling: true }],
      timestamp: 1746112199954,
      trade_id: "829ddc5b",
      trade_price: "81531.3718539524991138",
      trade_state: "accepted",
    };
    const trade = (more: Fields = {}) =>
      onlyData(of(payloadType, { ...TRADE, ...more }), "TradeStatusReported");

    test("is a trade's status and every other field as printed", () => {
      const { content: _, ...data } = trade();
      expect(data).toEqual({
        provider: "zerohash",
        trade_id: "829ddc5b",
        status: "accepted",
        occurred_at: "2025-05-01T15:09:59.954Z",
        fields: {
          contract_size: "1",
          parties: [{ participant_code: "Anonymous", zrn: "z", settling: true }],
          trade_price: "81531.3718539524991138",
        },
        received_at: RECEIVED_AT,
        translation: TRANSLATIONS.present,
      });
    });

    test("contract_size as a number is the same field, and another content (provider facts 10.21)", () => {
      const [text, number] = [trade(), trade({ contract_size: 1 })];
      expect(number.fields).toEqual(text.fields);
      expect(number.content).not.toBe(text.content);
    });

    test("numbers inside fields keep their digits", () => {
      const text = JSON.stringify({ ...TRADE, trade_price: 0 }).replace(
        '"trade_price":0',
        '"trade_price":81531.3718539524991138,"constructor":{"x":1}',
      );
      const { fields } = onlyData({ payloadType, text }, "TradeStatusReported");
      expect(fields.trade_price).toBe("81531.3718539524991138");
      expect(fields.constructor).toEqual({ x: "1" });
    });

    test.each([
      ["state for trade_state", { trade_state: null, state: "active" }, "active"],
      ["status for trade_state", { trade_state: null, status: "active" }, "active"],
      ["an unknown state", { trade_state: "expired" }, "expired"],
    ])("%s", (_what, fields, expected) => {
      expect(trade(fields).status).toBe(expected);
    });

    test.each([
      ["no id", { trade_id: null }, "shape: trade, at trade_id"],
      ["no state", { trade_state: "" }, "shape: trade_state is missing"],
      ["a time of words", { timestamp: "now" }, "time: timestamp"],
    ])("%s is quarantined", (_what, fields, expected) => {
      expect(refusalOf(of(payloadType, { ...TRADE, ...fields }))).toContain(expected);
    });
  },
);

describe("notifications that no model folds", () => {
  const notification = (payloadType: string, body: Fields) =>
    onlyData(of(payloadType, body), "NotificationRecorded");

  test.each([
    [
      "the participant",
      "participant_status_changed",
      { participant_code: "CUST01", participant_status: "approved", timestamp: 1746112989822 },
      { status: "approved", about: "CUST01", occurred_at: "2025-05-01T15:23:09.822Z" },
    ],
    [
      "an external account",
      "external_account_status_changed",
      {
        participant_code: "CUST01",
        external_account_id: "e1",
        external_account_status: "approved",
      },
      { status: "approved", about: "e1" },
    ],
    [
      "status for external_account_status (provider facts 10.11)",
      "external_account_status_changed",
      { external_account_id: "e1", status: "locked" },
      { status: "locked", about: "e1" },
    ],
    [
      "closed under Disabled (provider facts 10.12)",
      "external_account_status_changed",
      { external_account_id: "e1", external_account_status: "closed" },
      { status: "closed" },
    ],
    [
      "reject_reasons of either type (provider facts 10.11)",
      "participant_updated",
      { participant_code: "CUST01", reject_reasons: ["a"] },
      { about: "CUST01" },
    ],
    ["a body that says nothing", "unspecified", {}, {}],
  ])("%s", (_what, payloadType, body, expected) => {
    expect(notification(payloadType, body)).toMatchObject({
      payload_type: payloadType,
      ...expected,
    });
  });

  test("its content is the RFC 8785 digest of the body, numbers as printed", () => {
    const text = '{ "b" : 1.0,\n "a" : [1750404905186631445] }';
    const { content } = onlyData({ payloadType: "unspecified", text }, "NotificationRecorded");
    expect(content).toBe(digest('{"a":[1750404905186631445],"b":1.0}'));
  });

  test("a list is quarantined", () => {
    expect(refusalOf(of("unspecified", []))).toContain("shape: ");
  });
});
