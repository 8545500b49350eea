import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { layer1Event } from "./layer1.ts";
import { dataIn, factsIn, onlyData, RECEIVED_AT, read, refusalOf } from "./testing/reading.ts";
import { TRANSLATIONS } from "./translate.ts";

type Fields = Readonly<Record<string, unknown>>;

const TRANSFER = "018fea20a69e7cc58066f8d03362e797";
const LEGS = `${TRANSFER}d18a869f191944a09e5e784d7ca8f45a`;
const AT = "2024-06-05T20:39:19.602586984Z";

const of = (body: unknown) => ({ provider: "layer1" as const, body });
const envelope = (event: string, data: unknown, timestamp: unknown = AT) =>
  of({ event, timestamp, data });

const TRANSFER_DATA = {
  id: `${LEGS}6f`,
  hash: "0x8d49",
  type: "DEPOSIT",
  asset: "ETH",
  amount: "0.20",
  status: "DETECTED",
  address: { id: "d18a869f", address: "0xC4B2", network: "ETHEREUM", reference: "First" },
  sources: [{ amount: "0.20", address: "0x84a4" }],
  createdAt: "2024-06-05T20:39:19.454Z",
  updatedAt: "2024-06-05T20:39:19.528756Z",
  destinations: [{ amount: "0.20", address: "0xc4b2" }],
};

describe("layer1Event", () => {
  test.each([
    ["layer1:crypto:deposit:status-change", "layer1:crypto:deposit:status-change"],
    ["layer1:digital:deposit:status-change", "layer1:crypto:deposit:status-change"],
    ["layer1:digital:deposit:statusChange", "layer1:crypto:deposit:status-change"],
    ["layer1:crypto:withdrawal:statusChange", "layer1:crypto:withdrawal:status-change"],
    ["layer1:digital:balance:updated", "layer1:crypto:balance:updated"],
    ["layer1:trade:conversion:stateChanged", "layer1:trade:conversion:state-changed"],
    ["layer1:approval:request:voteRequired", "layer1:approval:request:vote-required"],
    ["layer1:approval:request:statusChanged", "layer1:approval:request:status-changed"],
    ["layer1:trade:digital:created", "layer1:trade:digital:created"],
    ["xlayer1:digital:balance:updated", "xlayer1:digital:balance:updated"],
  ])("%s is %s (provider facts 10.23)", (printed, expected) => {
    expect(layer1Event(printed)).toBe(expected);
  });
});

describe("deposit status", () => {
  const deposit = (more: Fields = {}, timestamp: unknown = AT) =>
    onlyData(
      envelope("layer1:digital:deposit:status-change", { ...TRANSFER_DATA, ...more }, timestamp),
      "DepositStatusReported",
    );

  test("is one leg of a transfer", () => {
    const { content: _, ...data } = deposit({
      networkDetail: {
        fee: { asset: "ETH", amount: "0.000234653675781" },
        block: { number: 6046664, timestamp: "2024-06-05T20:39:24Z" },
      },
      metadata: { failure: { reason: "DUST_AMOUNT", message: "too small" } },
    });
    expect(data).toEqual({
      provider: "layer1",
      deposit_id: TRANSFER,
      leg_id: `${LEGS}6f`,
      status: "DETECTED",
      occurred_at: AT,
      asset: "ETH",
      network: "ETHEREUM",
      amount: "0.2",
      fee: "0.000234653675781",
      fee_asset: "ETH",
      transaction_hash: "0x8d49",
      source_address: "0x84a4",
      received_address: "0xC4B2",
      reason: "too small",
      reason_code: "DUST_AMOUNT",
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    });
  });

  test("the digest is that of data, not of the envelope and its time", () => {
    const [one, other] = [deposit(), deposit({}, "2025-01-01T00:00:00Z")];
    expect(other.content).toBe(one.content);
    expect(deposit({ status: "CONFIRMED" }).content).not.toBe(one.content);
    const canonical = '{"id":"a","status":"S"}';
    const small = envelope("layer1:crypto:deposit:status-change", { status: "S", id: "a" });
    expect(onlyData(small, "DepositStatusReported").content).toBe(
      createHash("sha256").update(canonical).digest("hex"),
    );
  });

  test.each([
    [
      "sources split (provider facts 10.25)",
      { sources: [{ amount: "0.0002" }, { amount: "0.20", address: "0x84a4" }] },
      { source_address: "0x84a4", amount: "0.2" },
    ],
    [
      "sources summed (provider facts 10.25)",
      { sources: [{ amount: "0.200234653675781", address: "0x84a4" }] },
      { amount: "0.2" },
    ],
    ["sources null", { sources: null }, { source_address: undefined }],
    ["no address", { address: null }, { received_address: undefined, network: undefined }],
    [
      "customerId sometimes (provider facts 10.25)",
      { address: { address: "0x1", customerId: "c" } },
      { received_address: "0x1" },
    ],
    [
      "everything else null",
      { hash: null, networkDetail: null, metadata: null, destinations: null, reference: null },
      { transaction_hash: undefined, fee: undefined },
    ],
    [
      "networkDetail without fee",
      { networkDetail: { fee: null, block: null } },
      { fee: undefined },
    ],
    ["an amount as a number (provider facts 10.28)", { amount: 0.25 }, { amount: "0.25" }],
    [
      "23 decimals",
      { amount: "0.20023465367578112345678" },
      { amount: "0.20023465367578112345678" },
    ],
    [
      "a status nobody listed (provider facts 10.27)",
      { status: "FUNDS_NEEDED" },
      { status: "FUNDS_NEEDED" },
    ],
    ["an id in upper case", { id: `${LEGS}6f`.toUpperCase() }, { deposit_id: TRANSFER }],
    ["an id of another form", { id: "plain" }, { deposit_id: "plain", leg_id: "plain" }],
  ])("%s", (_what, fields, expected) => {
    const data: Fields = deposit(fields);
    for (const [key, value] of Object.entries(expected)) expect(data[key]).toBe(value);
  });

  test.each([
    ["null (provider facts 10.28)", null],
    ["empty", ""],
  ])("a timestamp of %s: the transfer's own update counts", (_what, timestamp) => {
    expect(deposit({}, timestamp).occurred_at).toBe("2024-06-05T20:39:19.528756Z");
    expect(deposit({ updatedAt: null }, timestamp)).not.toHaveProperty("occurred_at");
  });

  test.each([
    ["no id", { id: null }, "shape: transfer, at id"],
    ["no status", { status: "" }, "shape: transfer, at status"],
    ["an amount of words", { amount: "a lot" }, "amount: amount"],
    [
      "a fee of words",
      { networkDetail: { fee: { amount: "?" } } },
      "amount: networkDetail.fee.amount",
    ],
  ])("%s is quarantined", (_what, fields, expected) => {
    const delivered = envelope("layer1:crypto:deposit:status-change", {
      ...TRANSFER_DATA,
      ...fields,
    });
    expect(refusalOf(delivered)).toContain(expected);
  });
});

describe("withdrawal status", () => {
  const withdrawal = (more: Fields = {}) =>
    onlyData(
      envelope("layer1:crypto:withdrawal:status-change", {
        ...TRANSFER_DATA,
        reference: "order-1",
        ...more,
      }),
      "WithdrawalStatusReported",
    );

  test.each([
    ["the amount's leg", "69", "amount"],
    ["the fee's leg", "66", "fee"],
    ["an output", "6f", "amount"],
  ])("%s is a leg of one transfer (provider facts 10.26)", (_what, letter, leg) => {
    expect(withdrawal({ id: LEGS + letter })).toMatchObject({
      withdrawal_id: TRANSFER,
      leg_id: LEGS + letter,
      leg,
      reference: "order-1",
      destination_address: "0xc4b2",
    });
  });

  test("destinations null, as on its pages", () => {
    expect(withdrawal({ destinations: null })).not.toHaveProperty("destination_address");
  });
});

describe("balance updated", () => {
  const FUNDS = [
    { type: "AVAILABLE", balance: "0.00", delta: "-0.10" },
    { type: "BLOCKCHAIN", balance: "0.20", delta: "0.00" },
    { type: "RESERVED", balance: "0.20", delta: "0.10" },
  ];
  const ADDRESS = "0xC4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9";
  const balance = (more: Fields = {}, timestamp: unknown = AT) =>
    envelope(
      "layer1:digital:balance:updated",
      { reference: "First Eth Address", address: ADDRESS, asset: "ETH", funds: FUNDS, ...more },
      timestamp,
    );

  test("is one fact per fund; BLOCKCHAIN has its expected balance", () => {
    const common = {
      provider: "layer1",
      reference: "First Eth Address",
      occurred_at: AT,
      received_at: RECEIVED_AT,
      translation: TRANSLATIONS.present,
    };
    const account = `layer1:${ADDRESS.toLowerCase()}:ETH`;
    expect(dataIn(balance(), "FundsReported")).toEqual([
      { ...common, account: `${account}:available`, balance: "0", change: "-0.1" },
      {
        ...common,
        account: `${account}:blockchain`,
        balance: "0.2",
        change: "0",
        expected_balance: "0.2",
      },
      { ...common, account: `${account}:reserved`, balance: "0.2", change: "0.1" },
    ]);
    expect(read(balance())).toMatchObject({ snapshot: false });
  });

  test.each([
    [
      "fund types in lower case",
      { funds: [{ type: "available", balance: "1" }] },
      [["available", "1", undefined]],
    ],
    ["another fund", { funds: [{ type: "STAKED", balance: "1" }] }, [["staked", "1", undefined]]],
    [
      "BLOCKCHAIN without the other two",
      { funds: [FUNDS[1], FUNDS[0]] },
      [
        ["blockchain", "0.2", undefined],
        ["available", "0", undefined],
      ],
    ],
    [
      "23 decimals are added exactly",
      {
        funds: [
          { type: "AVAILABLE", balance: "0.00000000000000000000001" },
          { type: "RESERVED", balance: "1e20" },
          { type: "BLOCKCHAIN", balance: "0" },
        ],
      },
      [
        ["available", "0.00000000000000000000001", undefined],
        ["reserved", "100000000000000000000", undefined],
        ["blockchain", "0", "100000000000000000000.00000000000000000000001"],
      ],
    ],
  ])("%s", (_what, fields, expected) => {
    const stated = dataIn(balance(fields), "FundsReported");
    expect(
      stated.map(({ account, balance, expected_balance }) => [
        account.split(":").at(-1),
        balance,
        expected_balance,
      ]),
    ).toEqual(expected);
  });

  test.each([
    ["no time: it is part of the identity", {}, null, "shape: timestamp is missing"],
    ["no address", { address: null }, AT, "shape: balance, at address"],
    ["no asset", { asset: "" }, AT, "shape: balance, at asset"],
    ["no funds", { funds: [] }, AT, "shape: balance, at funds"],
    [
      "a fund without balance",
      { funds: [{ type: "AVAILABLE", balance: "" }] },
      AT,
      "shape: balance, at funds.0.balance",
    ],
    ["a balance of words", { funds: [{ type: "AVAILABLE", balance: "?" }] }, AT, "amount: balance"],
    [
      "a delta of words",
      { funds: [{ type: "AVAILABLE", balance: "1", delta: "?" }] },
      AT,
      "amount: delta",
    ],
  ])("%s", (_what, fields, timestamp, expected) => {
    expect(refusalOf(balance(fields, timestamp))).toContain(expected);
  });
});

describe("notifications", () => {
  test("address:created is about the address, whatever the page calls data.id (provider facts 10.29)", () => {
    const delivered = envelope("layer1:digital:address:created", {
      id: "37729aed",
      address: "0x157e",
    });
    expect(onlyData(delivered, "NotificationRecorded")).toMatchObject({
      payload_type: "layer1:crypto:address:created",
      about: "37729aed",
      occurred_at: AT,
    });
  });

  test("a conversion's numbers of 20 digits are in its digest, and its null time is none", () => {
    const text =
      '{"event":"layer1:trade:conversion:created","timestamp":null,"data":{"id":"c1","state":"PENDING","rate":1.0000000000000000001}}';
    const data = onlyData({ provider: "layer1", text }, "NotificationRecorded");
    expect(data).toMatchObject({ status: "PENDING", about: "c1" });
    expect(data).not.toHaveProperty("occurred_at");
    expect(data.content).toBe(
      createHash("sha256")
        .update('{"id":"c1","rate":1.0000000000000000001,"state":"PENDING"}')
        .digest("hex"),
    );
  });

  test("two states with one time are two facts (provider facts 10.28)", () => {
    const facts = ["PLACED", "COMPLETED"].flatMap((state) =>
      factsIn(envelope("layer1:trade:conversion:state-changed", { id: "c1", state })),
    );
    const contents = facts.map(({ data }) => (data as { content?: string }).content);
    expect(new Set(contents).size).toBe(2);
  });

  test("the treasury's flat body, as its page prints it", () => {
    const delivered = of({
      type: "INFO",
      eventType: "TREASURY_OPERATIONS_QUEUED",
      entityCode: "ethereum",
      asset: "usdt",
      balanceAtEventTimestamp: 1500.5,
      message: "Treasury operations queued",
      context: { operations: [{ amount: 2500, type: "TRANSFER" }] },
    });
    expect(onlyData(delivered, "NotificationRecorded")).toMatchObject({
      payload_type: "layer1:treasury:notice",
      status: "TREASURY_OPERATIONS_QUEUED",
    });
  });

  test.each([
    ["no event", { timestamp: AT, data: {} }, "shape: event is missing"],
    ["an event that is a list", { event: [], data: {} }, "shape: envelope, at event"],
    [
      "an unknown event",
      { event: "layer1:fiat:deposit:status-change", data: {} },
      'unknown_type: event "layer1:fiat',
    ],
    ["the name of a method", { event: "toString", data: {} }, "unknown_type"],
    [
      "a time of words",
      { event: "layer1:audit:api", timestamp: "today", data: {} },
      "time: timestamp",
    ],
  ])("%s is quarantined", (_what, body, expected) => {
    expect(refusalOf(of(body))).toContain(expected);
  });
});
