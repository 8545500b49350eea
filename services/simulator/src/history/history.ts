import type { Amount } from "../exact.ts";

/** The contents of a provider's history. Counts are numbers of flows; most flows take several steps. */
export type HistoryOptions = Readonly<{
  seed: number | string;
  startAtNs: bigint;
  /** Customers of the platform; each has a few accounts. */
  participants: number;
  deposits: number;
  withdrawals: number;
  transfers: number;
  trades: number;
  /** Runs that settle many trades at once, on many accounts. */
  netSettlementRuns: number;
  layer1Addresses: number;
  layer1Deposits: number;
  layer1Withdrawals: number;
  /** Mean time between the starts of two flows. */
  meanGapMs: number;
  /** Share of flows that start within 20 ms of the previous one, mostly on the same account. */
  burstRate: number;
  /** Mean time between two stages of one flow, such as the pending and the confirming run. */
  stagePauseMs: number;
  /**
   * How far the movement times of one account may contradict the true order. The consumer's
   * guarantee holds for errors up to 20 ms.
   */
  clockErrorMs: number;
}>;

const DEFAULTS: HistoryOptions = {
  seed: 1,
  startAtNs: 1_746_112_000_000_000_000n,
  participants: 20,
  deposits: 40,
  withdrawals: 40,
  transfers: 20,
  trades: 20,
  netSettlementRuns: 2,
  layer1Addresses: 4,
  layer1Deposits: 8,
  layer1Withdrawals: 8,
  meanGapMs: 400,
  burstRate: 0.2,
  stagePauseMs: 0,
  clockErrorMs: 15,
};

/** The shortest mean pause: a confirmation must not fall into the group of its pending run. */
const STAGE_PAUSE_MS_MIN = 1_000;
/** Limits the number of active flows, however densely they start. */
const STAGE_PAUSE_GAPS = 40;

/** Adds defaults; the default pause between stages depends on the gap between flows. */
export function historyOptions(given: Partial<HistoryOptions>): HistoryOptions {
  const options = { ...DEFAULTS, ...given };
  const stagePauseMs =
    given.stagePauseMs ?? Math.max(STAGE_PAUSE_MS_MIN, options.meanGapMs * STAGE_PAUSE_GAPS);
  return { ...options, stagePauseMs };
}

/** The five identifying fields of an account, and its id, as in every message. */
export type ZeroHashAccount = Readonly<{
  accountId: string;
  participantCode: string;
  accountGroup: string;
  accountLabel: string;
  accountType: "available" | "collateral";
  /** With its chain, in the multi-chain format: USDC.ETH. */
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

/** The effect of one run on one account. */
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
 * One message of the provider, with its text on each channel that carries it. Getters generate the
 * texts: read them from the message itself, not from a copy of it.
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
    /** Messages about this account so far; 0 for an unused one. */
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
    /** null if the deposit is quarantined and not booked on an account. */
    movementId: string | null;
    reference: string;
    /** The states of `deposit.status_changed`, in true order; empty if none were sent. */
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

/** The true outcomes of flows, in the order in which they ended. */
type Outcomes = Readonly<{
  withdrawals: readonly WithdrawalTruth[];
  deposits: readonly DepositTruth[];
  trades: readonly TradeTruth[];
  layer1Transfers: readonly Layer1TransferTruth[];
}>;

/** The final balances, empty accounts included. */
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
      /** Every Zero Hash account after this step; -1 is before all steps. */
      balancesAfterStep: (index: number) => readonly AccountBalance[];
    }>;
}>;
