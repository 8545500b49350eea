import {
  ACCOUNT_BALANCE_WEBHOOKS,
  BALANCES_FEED_GENERIC,
  BALANCES_FEED_USE_CASES,
} from "./balance-scenarios.ts";
import { LAYER1_DEPOSIT, LAYER1_WITHDRAWAL } from "./layer1-scenarios.ts";
import {
  DEPOSIT_STATUS,
  FUND_TRANSACTION,
  PAYMENT_BANK,
  PAYMENT_CRYPTO,
  TRADE_STATUS,
} from "./lifecycle-scenarios.ts";
import type { Scenario } from "./scenario.ts";

const ALL: readonly Scenario[] = [
  BALANCES_FEED_USE_CASES,
  BALANCES_FEED_GENERIC,
  ACCOUNT_BALANCE_WEBHOOKS,
  FUND_TRANSACTION,
  TRADE_STATUS,
  DEPOSIT_STATUS,
  PAYMENT_CRYPTO,
  PAYMENT_BANK,
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
];

/** Every documented flow by its name. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  ALL.map((scenario) => [scenario.name, scenario]),
);
