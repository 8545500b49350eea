import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import { compareCopy } from "./decide-delivery.ts";
import { evolveFactState, type FactData, initialFactState } from "./fact-state.ts";

/** A fact that holds `recorded` (and later `adds`), and a copy of it: what the copy says. */
function compared(type: ProviderFactType, recorded: FactData, copy: FactData, adds?: FactData) {
  let state = initialFactState(recorded, 1, null);
  if (adds !== undefined) {
    const data = {
      event_id: "e",
      event_type: type,
      key: {},
      adds,
      received_at: AT,
      translation: 1,
    };
    state = evolveFactState(state, {
      type: "FactSeen",
      id: "seen",
      position: 2,
      deliveryId: null,
      data: data as never,
    });
  }
  const { adds: added, contradicts } = compareCopy(state, { type, data: copy } as ProviderFact);
  return [added, contradicts];
}

const AT = "2021-11-29T12:37:07Z";
const US = "2021-11-29T12:37:06.534066Z";
const MS = "2021-11-29T12:37:06.534Z";
const S = "2021-11-29T12:37:06Z";
const OTHER = "2021-11-29T12:37:06.534177Z";
const PLACE = { connection: "c1", frame: 7 };

describe("compareCopy", () => {
  test.each<[string, ProviderFactType, FactData, FactData, FactData | null, FactData | null]>([
    // what                      type                recorded               copy                     adds                    contradicts
    ["the same value", "MovementRecorded", { change: "1" }, { change: "1" }, null, null],
    ["another change", "MovementRecorded", { change: "1" }, { change: "2" }, null, { change: "2" }],
    [
      "another type",
      "MovementRecorded",
      { movement_type: "a" },
      { movement_type: "b" },
      null,
      { movement_type: "b" },
    ],
    ["another run", "MovementRecorded", { run_id: "1" }, { run_id: "2" }, null, { run_id: "2" }],
    [
      "a reference",
      "MovementRecorded",
      {},
      { withdrawal_request_id: "27669" },
      { withdrawal_request_id: "27669" },
      null,
    ],
    ["no reference", "MovementRecorded", { trade_id: "t" }, {}, null, null],
    [
      "another reference",
      "MovementRecorded",
      { trade_id: "t" },
      { trade_id: "u" },
      null,
      { trade_id: "u" },
    ],
    ["an account_id", "MovementRecorded", {}, { account_id: "a" }, { account_id: "a" }, null],
    [
      "a further account_id",
      "MovementRecorded",
      { account_id: "a" },
      { account_id: "b" },
      { account_id: "b" },
      null,
    ],
    [
      "the same account_id",
      "MovementRecorded",
      { account_id: "a" },
      { account_id: "a" },
      null,
      null,
    ],
    ["a time", "MovementRecorded", {}, { occurred_at: US }, { occurred_at: US }, null],
    [
      "a finer time",
      "MovementRecorded",
      { occurred_at: MS },
      { occurred_at: US },
      { occurred_at: US },
      null,
    ],
    ["a coarser time", "MovementRecorded", { occurred_at: US }, { occurred_at: MS }, null, null],
    ["whole seconds", "MovementRecorded", { occurred_at: US }, { occurred_at: S }, null, null],
    [
      "another time",
      "MovementRecorded",
      { occurred_at: US },
      { occurred_at: OTHER },
      { occurred_at: OTHER },
      null,
    ],
    [
      "adds and contradicts",
      "MovementRecorded",
      { change: "1" },
      { change: "2", origin: "sdk" },
      { origin: "sdk" },
      { change: "2" },
    ],
    [
      "arrival says nothing",
      "MovementRecorded",
      { received_at: "a" },
      { received_at: "b" },
      null,
      null,
    ],
    [
      "translation says nothing",
      "MovementRecorded",
      { translation: 1 },
      { translation: 2 },
      null,
      null,
    ],
    ["a balance", "BalanceReported", {}, { balance: "0" }, { balance: "0" }, null],
    [
      "another balance",
      "BalanceReported",
      { balance: "1" },
      { balance: "0" },
      null,
      { balance: "0" },
    ],
    ["an unknown balance", "BalanceReported", { balance: "1" }, {}, null, null],
    ["a place", "BalanceReported", {}, { place: PLACE }, null, null],
    [
      "a socket's order",
      "BalanceReported",
      { received_at: AT },
      { not_before: US, received_at: AT },
      { not_before: US },
      null,
    ],
    [
      "a later one",
      "BalanceReported",
      { not_before: MS, received_at: AT },
      { not_before: US, received_at: AT },
      { not_before: US },
      null,
    ],
    [
      "an earlier one",
      "BalanceReported",
      { not_before: US, received_at: AT },
      { not_before: MS, received_at: AT },
      null,
      null,
    ],
    [
      "a socket's order, an hour after others told of the run",
      "BalanceReported",
      { received_at: AT },
      { not_before: US, received_at: "2021-11-29T13:37:07Z" },
      null,
      null,
    ],
    ["the same place", "BalanceReported", { place: PLACE }, { place: { ...PLACE } }, null, null],
    [
      "another run type",
      "BalanceReported",
      { run_type: "a" },
      { run_type: "b" },
      null,
      { run_type: "b" },
    ],
    ["a run's type", "RunRecorded", {}, { run_type: "deposit" }, { run_type: "deposit" }, null],
    [
      "another run's type",
      "RunRecorded",
      { run_type: "a" },
      { run_type: "b" },
      null,
      { run_type: "b" },
    ],
    [
      "a run's finer time",
      "RunRecorded",
      { occurred_at: MS },
      { occurred_at: US },
      { occurred_at: US },
      null,
    ],
    [
      "another fund balance",
      "FundsReported",
      { balance: "1" },
      { balance: "2" },
      null,
      { balance: "2" },
    ],
    ["a fund's delta", "FundsReported", {}, { change: "1" }, { change: "1" }, null],
    ["another delta", "FundsReported", { change: "1" }, { change: "2" }, null, { change: "2" }],
    [
      "a status is its content",
      "DepositStatusReported",
      { amount: "1" },
      { amount: "2" },
      null,
      null,
    ],
    [
      "a deposit's time",
      "DepositStatusReported",
      {},
      { occurred_at: US },
      { occurred_at: US },
      null,
    ],
    [
      "a withdrawal's time",
      "WithdrawalStatusReported",
      { occurred_at: S },
      { occurred_at: US },
      { occurred_at: US },
      null,
    ],
    [
      "a payment's time",
      "PaymentStatusReported",
      { occurred_at: US },
      { occurred_at: S },
      null,
      null,
    ],
    [
      "a fund's time",
      "FundReported",
      { occurred_at: US },
      { occurred_at: OTHER },
      { occurred_at: OTHER },
      null,
    ],
    ["a trade's time", "TradeStatusReported", {}, { occurred_at: US }, { occurred_at: US }, null],
    [
      "a notification's time",
      "NotificationRecorded",
      { occurred_at: US },
      { occurred_at: US },
      null,
      null,
    ],
  ])("%s (%s %j, then %j)", (_what, type, recorded, copy, adds, contradicts) => {
    expect(compared(type, recorded, copy)).toEqual([adds, contradicts]);
  });

  test.each<[string, FactData, FactData, FactData, FactData | null, FactData | null]>([
    ["a reference that a copy brought", {}, { trade_id: "t" }, { trade_id: "t" }, null, null],
    [
      "another than a copy brought",
      {},
      { trade_id: "t" },
      { trade_id: "u" },
      null,
      { trade_id: "u" },
    ],
    [
      "an account_id that a copy brought",
      { account_id: "a" },
      { account_id: "b" },
      { account_id: "b" },
      null,
      null,
    ],
    ["a time that a copy brought", {}, { occurred_at: US }, { occurred_at: MS }, null, null],
    [
      "the first copy's own time",
      { occurred_at: MS },
      { occurred_at: US },
      { occurred_at: MS },
      null,
      null,
    ],
  ])("beside %s", (_what, recorded, brought, copy, adds, contradicts) => {
    expect(compared("MovementRecorded", recorded, copy, brought)).toEqual([adds, contradicts]);
  });
});
