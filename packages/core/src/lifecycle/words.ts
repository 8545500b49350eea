import type { DepositStage, TradeStage, WithdrawalStage } from "@counterfoil/contracts/record";

/** The providers' words and our stages; null, like a word that is not listed, is history only. */
export type Words<Stage extends string> = Readonly<Record<string, Stage | null>>;

/** Words are case-sensitive: `pending` of a payment and `PENDING` of a request are two words. */
export function stageOfWord<Stage extends string>(words: Words<Stage>, word: string): Stage | null {
  return Object.hasOwn(words, word) ? (words[word] ?? null) : null;
}

/** Requests (upper case) and payments (lower case). */
export const ZERO_HASH_WITHDRAWAL: Words<WithdrawalStage> = {
  PENDING_TRADE: "requested",
  initialized: "requested",
  // So printed on one page (DOMAIN 10.18).
  initiatlized: "requested",
  submitted: "requested",
  pending_trade: "requested",
  PENDING: "pending",
  pending: "pending",
  retried: "pending",
  APPROVED: "approved",
  posted: "broadcast",
  SETTLED: "settled",
  settled: "settled",
  failed: "failed",
  abandoned: "failed",
  REJECTED: "rejected",
  rejected: "rejected",
  cancelled: "rejected",
  // One l on other pages (DOMAIN 10.16).
  canceled: "rejected",
  returned: "returned",
  returned_settled: "returned",
};

/** `on_chain_status` of a request. */
export const ZERO_HASH_ON_CHAIN: Words<WithdrawalStage> = {
  PENDING: "broadcast",
  CONFIRMED: "confirmed",
};

/** `movement_type`; a `withdrawal` is one only where it takes from the account. */
export const WITHDRAWAL_MOVEMENT: Words<WithdrawalStage> = {
  withdrawal_pending: "pending",
  withdrawal_confirmed: "confirmed",
  withdrawal: "settled",
};

export const LAYER1_WITHDRAWAL: Words<WithdrawalStage> = {
  CREATED: "requested",
  FUNDS_NEEDED: "requested",
  FUNDS_RESERVED: "pending",
  SCREENING_REQUESTED: "pending",
  HELD: "pending",
  BLOCKED: "pending",
  SCREENING_PASSED: "approved",
  SIGNED: "approved",
  DETECTED: "broadcast",
  UNCONFIRMED: "broadcast",
  CONFIRMED: "confirmed",
  SUCCESS: "settled",
  FAILED: "failed",
  REJECTED: "rejected",
  REPLACED: null,
};

export const ZERO_HASH_DEPOSIT: Words<DepositStage> = {
  initial: "detected",
  confirmed: "confirmed",
  pending_compliance_review: "screening",
  pending_approval: "held",
  // The provider prints it before `confirmed` as well as after (DOMAIN 5.1).
  pending_settlement: null,
  completed: "credited",
  CREDITED: "credited",
  quarantined: "quarantined",
  recovery_quarantine: "quarantined",
};

export const LAYER1_DEPOSIT: Words<DepositStage> = {
  DETECTED: "detected",
  UNCONFIRMED: "unconfirmed",
  CONFIRMED: "confirmed",
  SCREENING_REQUESTED: "screening",
  SCREENING_PASSED: "screening",
  HELD: "held",
  BLOCKED: "held",
  SUCCESS: "credited",
  FAILED: "failed",
  REJECTED: "rejected",
  REPLACED: null,
};

export const ZERO_HASH_TRADE: Words<TradeStage> = {
  accepted: "accepted",
  active: "active",
  terminated: "terminated",
};
