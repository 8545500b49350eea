import type { FactType } from "../fact.ts";

/** What each fact says, in one sentence, for those who read the generated documents. */
export const FACT_DESCRIPTIONS: Readonly<Record<FactType, string>> = {
  LedgerOpened: "The ledger begins; always at position 1.",
  DeliveryReceived: "Bytes of a provider were taken in: a webhook, a frame of the feed, a page.",
  DeliveryDivided: "The delivery's facts take several appends.",
  DeliveryCompleted: "Every fact of a divided delivery, or of a snapshot, is recorded.",
  DeliveryQuarantined: "Nobody could read the delivery; its bytes are kept.",
  QuarantineRetried: "A quarantined delivery was read again.",
  RunRecorded: "A run of the provider's: a set of movements that happened together.",
  MovementRecorded: "An amount moved on an account.",
  BalanceReported: "The provider stated a balance, after a run or in a snapshot.",
  FundsReported: "Layer1 stated the balance of one kind of funds of an address.",
  DepositStatusReported: "The provider stated where a deposit stands.",
  WithdrawalStatusReported: "The provider stated where a withdrawal stands.",
  PaymentStatusReported: "The provider stated where a payment stands.",
  FundReported: "The provider stated what became of a fund event.",
  TradeStatusReported: "The provider stated where a trade stands.",
  NotificationRecorded: "A notification of a known kind that no read model folds.",
  FeedOpened: "A connection to the provider's feed was opened.",
  FeedClosed: "A connection to the provider's feed ended.",
  SnapshotCompleted: "Every frame of a connection's snapshot is recorded.",
  FactSeen: "A later copy of a fact added something to it.",
  FactContradicted: "A later copy of a fact says otherwise; the first stays in force.",
  FactCorrected: "A better translation of the same bytes takes the fact's place.",
  FactWithdrawn: "Under a better translation its delivery says no such thing.",
  ModelActivated: "A generation of a read model is live from here on.",
};
