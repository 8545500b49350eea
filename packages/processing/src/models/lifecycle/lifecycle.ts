import type { ModelName, ProviderFactType } from "@counterfoil/contracts/fact";
import type { FeedLines } from "@counterfoil/core/feed-lines";
import type { FactData } from "@counterfoil/core/ingest/fact-state";
import { depositKeys, isDepositLeg } from "@counterfoil/core/lifecycle/deposit-keys";
import { depositsOf } from "@counterfoil/core/lifecycle/deposits";
import type { LifecycleDraft } from "@counterfoil/core/lifecycle/draft";
import type { Leg } from "@counterfoil/core/lifecycle/leg";
import { isTradeLeg, tradeKeys, tradesOf } from "@counterfoil/core/lifecycle/trades";
import { isWithdrawalLeg, withdrawalKeys } from "@counterfoil/core/lifecycle/withdrawal-keys";
import { withdrawalsOf } from "@counterfoil/core/lifecycle/withdrawals";

/** What tells one lifecycle model from another: pure functions of the core. */
export type Lifecycle = Readonly<{
  model: ModelName;
  version: number;
  /** Types of facts that may be legs. */
  types: readonly ProviderFactType[];
  isLeg: (type: ProviderFactType, data: FactData) => boolean;
  /** Legs that share a key lie in one cluster. */
  keysOf: (leg: Leg) => readonly string[];
  /** The records of a cluster, from all of its legs. */
  recordsOf: (legs: readonly Leg[], lines: FeedLines) => readonly LifecycleDraft<object>[];
}>;

export const WITHDRAWALS: Lifecycle = {
  model: "withdrawals",
  version: 3,
  types: [
    "MovementRecorded",
    "BalanceReported",
    "WithdrawalStatusReported",
    "PaymentStatusReported",
  ],
  isLeg: isWithdrawalLeg,
  keysOf: withdrawalKeys,
  recordsOf: withdrawalsOf,
};

export const DEPOSITS: Lifecycle = {
  model: "deposits",
  version: 3,
  types: ["MovementRecorded", "DepositStatusReported", "FundReported"],
  isLeg: isDepositLeg,
  keysOf: depositKeys,
  recordsOf: depositsOf,
};

export const TRADES: Lifecycle = {
  model: "trades",
  version: 3,
  types: ["TradeStatusReported"],
  isLeg: isTradeLeg,
  keysOf: tradeKeys,
  recordsOf: tradesOf,
};
