import type { ProviderFact } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import { factIdentity, factKey, factSubject } from "./identity.ts";

const ACCOUNT = "zerohash:D:A:general:available:BTC";
const stamp = { content: "c", received_at: "2025-05-01T15:23:09Z", translation: 1 };

const fact = (type: ProviderFact["type"], data: object): ProviderFact =>
  ({ type, data: { provider: "zerohash", ...stamp, ...data } }) as unknown as ProviderFact;

describe("keys and subjects", () => {
  test.each([
    ["RunRecorded", { run_id: "7" }, "run:zerohash:7", { provider: "zerohash", run_id: "7" }],
    [
      "MovementRecorded",
      { account: ACCOUNT, movement_id: "m" },
      ACCOUNT,
      { account: ACCOUNT, movement_id: "m" },
    ],
    [
      "BalanceReported",
      { account: ACCOUNT, run_id: "7", place: { connection: "c1", frame: 3 } },
      ACCOUNT,
      { account: ACCOUNT, run_id: "7" },
    ],
    [
      "BalanceReported",
      { account: ACCOUNT, place: { connection: "c1", frame: 3 } },
      ACCOUNT,
      { account: ACCOUNT, connection: "c1", frame: "3" },
    ],
    [
      "FundsReported",
      { provider: "layer1", account: "layer1:0x1:ETH:available", occurred_at: "t" },
      "layer1:0x1:ETH:available",
      { account: "layer1:0x1:ETH:available", occurred_at: "t" },
    ],
    [
      "DepositStatusReported",
      { deposit_id: "d", status: "s" },
      "deposit:zerohash:d",
      { provider: "zerohash", deposit_id: "d", status: "s", content: "c" },
    ],
    [
      "DepositStatusReported",
      { provider: "layer1", deposit_id: "d", leg_id: "d6f", status: "S" },
      "transfer:layer1:d",
      { provider: "layer1", deposit_id: "d6f", status: "S", content: "c" },
    ],
    [
      "WithdrawalStatusReported",
      { withdrawal_id: "w", status: "s" },
      "withdrawal:zerohash:w",
      { provider: "zerohash", withdrawal_id: "w", status: "s", content: "c" },
    ],
    [
      "WithdrawalStatusReported",
      { provider: "layer1", withdrawal_id: "w", leg_id: "w66", status: "S" },
      "transfer:layer1:w",
      { provider: "layer1", withdrawal_id: "w66", status: "S", content: "c" },
    ],
    [
      "PaymentStatusReported",
      { payment: "p", status: "s" },
      "payment:zerohash:p",
      { provider: "zerohash", payment: "p", status: "s", content: "c" },
    ],
    [
      "FundReported",
      { fund: "f" },
      "fund:zerohash:f",
      { provider: "zerohash", fund: "f", content: "c" },
    ],
    [
      "TradeStatusReported",
      { trade_id: "t", status: "s" },
      "trade:zerohash:t",
      { provider: "zerohash", trade_id: "t", status: "s", content: "c" },
    ],
    [
      "NotificationRecorded",
      { payload_type: "p" },
      "notification:zerohash:c",
      { provider: "zerohash", payload_type: "p", content: "c" },
    ],
  ] as const)("%s %j", (type, data, subject, key) => {
    expect(factSubject(fact(type, data))).toBe(subject);
    expect(factKey(fact(type, data))).toEqual(key);
    expect(factIdentity(fact(type, data))).toEqual([type, ...Object.values(key)]);
  });
});
