import type { Amount } from "../decimal.ts";
import type { HistoryOptions } from "./history-options.ts";

/** The five fields that make an account, and its id; as every message carries them. */
export type ZeroHashAccount = Readonly<{
  accountId: string;
  participantCode: string;
  accountGroup: string;
  accountLabel: string;
  accountType: "available" | "collateral";
  /** With its chain, as the multi-chain format has it: USDC.ETH. */
  asset: string;
}>;

export type MovementReferences = Readonly<{
  depositReferenceId?: string;
  withdrawalRequestId?: string;
  tradeId?: string;
  transferRequestId?: string;
  transferType?: string;
}>;

export type Movement = Readonly<{
  movementId: string;
  movementType: string;
  change: Amount;
  atNs: bigint;
  references: MovementReferences;
}>;

export type Run = Readonly<{ runId: string; runType: string; atNs: bigint }>;

/** What one run did to one account. */
export type BalanceReport = Readonly<{
  account: ZeroHashAccount;
  run: Run;
  movements: readonly Movement[];
  balanceAfter: Amount;
  /** The webhook prints seconds, as one of the provider's own examples does; else milliseconds. */
  isInSeconds?: boolean;
}>;

export type Layer1Funds = Readonly<{ available: Amount; reserved: Amount; blockchain: Amount }>;

export type Layer1Report = Readonly<{
  address: string;
  asset: string;
  atNs: bigint;
  funds: Layer1Funds;
  deltas: Layer1Funds;
}>;

/**
 * One message of the provider, with its text on each channel that carries it. Texts are made anew
 * whenever they are read: take them from the message itself, not from a copy of it.
 */
export type HistoryMessage = Readonly<{
  provider: "zerohash" | "layer1";
  /** The `balance-updated` frame of the Balances Feed. */
  feed?: string;
  webhook?: Readonly<{ payloadType: string; body: string }>;
  /** Present on messages that state a Zero Hash balance. */
  report?: BalanceReport;
  /** Present on messages that state Layer1 balances. */
  layer1Report?: Layer1Report;
}>;

/** One instant of the provider's own ledger. `index` counts from 0, in the true order. */
export type HistoryStep = Readonly<{
  index: number;
  atNs: bigint;
  run?: Run;
  messages: readonly HistoryMessage[];
}>;

export type AccountBalance = ZeroHashAccount &
  Readonly<{
    balance: string;
    /** Messages about this account so far; 0 for one that was never touched. */
    reports: number;
  }>;

type Holder = Readonly<{
  participantCode: string;
  accountGroup: string;
  accountLabel: string;
  asset: string;
  amount: string;
}>;

export type WithdrawalTruth = Holder &
  Readonly<{
    requestId: string | null;
    paymentId: string | null;
    pendingMovementId: string;
    confirmMovementId: string | null;
    debitMovementId: string | null;
    outcome: "pending" | "settled" | "returned";
  }>;

export type DepositTruth = Holder &
  Readonly<{
    depositId: string | null;
    fundId: string | null;
    /** null where the deposit is quarantined and no account sees it. */
    movementId: string | null;
    reference: string;
    /** The states of `deposit.status_changed`, in true order; empty where none were sent. */
    states: readonly string[];
    outcome: "credited" | "quarantined";
  }>;

export type TradeTruth = Readonly<{
  tradeId: string;
  states: readonly string[];
  isSettled: boolean;
}>;

export type Layer1TransferTruth = Readonly<{
  /** The first 32 hex digits of every `data.id` of the transfer. */
  transferId: string;
  kind: "deposit" | "withdrawal";
  address: string;
  asset: string;
  amount: string;
  fee: string | null;
  /** The statuses sent, in true order. */
  statuses: readonly string[];
}>;

export type Layer1Balance = Readonly<{
  address: string;
  asset: string;
  available: string;
  reserved: string;
  blockchain: string;
  reports: number;
}>;

/** Flows as they really went, in the order in which they ended. */
export type Outcomes = Readonly<{
  withdrawals: readonly WithdrawalTruth[];
  deposits: readonly DepositTruth[];
  trades: readonly TradeTruth[];
  layer1Transfers: readonly Layer1TransferTruth[];
}>;

/** The final balances; those of accounts that hold nothing are there too. */
export type FinalBalances = Readonly<{
  balances: readonly AccountBalance[];
  layer1Balances: readonly Layer1Balance[];
}>;

export type History = Readonly<{
  options: HistoryOptions;
  startBalances: readonly AccountBalance[];
  steps: readonly HistoryStep[];
  truth: Outcomes &
    FinalBalances &
    Readonly<{
      /** Every Zero Hash account as it stood after this step; -1 is before all steps. */
      balancesAfterStep: (index: number) => readonly AccountBalance[];
    }>;
}>;
