import type { ModelName, ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactData } from "@counterfoil/core/ingest/fact-state";
import {
  DEPOSIT_IDS,
  DEPOSIT_RULES,
  depositFields,
  isDepositFact,
  readDepositFact,
} from "@counterfoil/core/lifecycle/deposit";
import type { FactReading } from "@counterfoil/core/lifecycle/fact-reading";
import type { AnyKnown } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { Fields } from "@counterfoil/core/lifecycle/record-fields";
import type { StageRules } from "@counterfoil/core/lifecycle/stage-history";
import {
  isTradeFact,
  readTradeFact,
  TRADE_IDS,
  TRADE_RULES,
  tradeFields,
} from "@counterfoil/core/lifecycle/trade";
import {
  isWithdrawalFact,
  readWithdrawalFact,
  WITHDRAWAL_IDS,
  WITHDRAWAL_RULES,
  withdrawalFields,
} from "@counterfoil/core/lifecycle/withdrawal";

/** What tells one lifecycle model from another: pure functions of the core. */
export type Lifecycle = Readonly<{
  model: ModelName;
  version: number;
  /** Types of facts that it may keep. */
  types: readonly ProviderFactType[];
  isKept: (type: ProviderFactType, data: FactData) => boolean;
  /** null for a fact that only says something of others. */
  read: (fact: AnyKnown) => FactReading | null;
  rules: StageRules;
  /** The stage of a record whose only words say nothing of it. */
  firstStage: string | null;
  /** Kinds of names that a record may be called by, the best first. */
  ids: readonly string[];
  fieldsOf: (fields: Fields, movementIds: readonly string[], debits: readonly string[]) => object;
}>;

export const WITHDRAWALS: Lifecycle = {
  model: "withdrawals",
  version: 4,
  types: [
    "MovementRecorded",
    "BalanceReported",
    "WithdrawalStatusReported",
    "PaymentStatusReported",
  ],
  isKept: isWithdrawalFact,
  read: readWithdrawalFact,
  rules: WITHDRAWAL_RULES,
  firstStage: "requested",
  ids: WITHDRAWAL_IDS,
  fieldsOf: withdrawalFields,
};

export const DEPOSITS: Lifecycle = {
  model: "deposits",
  version: 4,
  types: ["MovementRecorded", "DepositStatusReported", "PaymentStatusReported", "FundReported"],
  isKept: isDepositFact,
  read: readDepositFact,
  rules: DEPOSIT_RULES,
  firstStage: "detected",
  ids: DEPOSIT_IDS,
  fieldsOf: depositFields,
};

export const TRADES: Lifecycle = {
  model: "trades",
  version: 4,
  types: ["TradeStatusReported"],
  isKept: isTradeFact,
  read: readTradeFact,
  rules: TRADE_RULES,
  firstStage: null,
  ids: TRADE_IDS,
  fieldsOf: tradeFields,
};
