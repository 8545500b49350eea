import { ACCOUNT_BALANCE_WEBHOOKS } from "./account-balance-webhooks.ts";
import { BALANCES_FEED_GENERIC } from "./balances-feed-generic.ts";
import { BALANCES_FEED_USE_CASES } from "./balances-feed-use-cases.ts";
import { DEPOSIT_STATUS } from "./deposit-status.ts";
import { FUND_TRANSACTION } from "./fund-transaction.ts";
import { LAYER1_DEPOSIT } from "./layer1-deposit.ts";
import { LAYER1_WITHDRAWAL } from "./layer1-withdrawal.ts";
import { PAYMENT_BANK, PAYMENT_CRYPTO } from "./payment-status.ts";
import type { Scenario } from "./scenario.ts";
import { TRADE_STATUS } from "./trade-status.ts";

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
