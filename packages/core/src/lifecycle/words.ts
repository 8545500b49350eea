import type { DepositStage, TradeStage, WithdrawalStage } from "@counterfoil/contracts/record";

/** The providers' words, in lower case, and our stages; null is history only. */
export type Words<Stage extends string> = Readonly<Record<string, Stage | null>>;

/** Words are compared without case; undefined where nobody knows the word. */
export function stageOfWord<Stage extends string>(
  words: Words<Stage>,
  word: string,
): Stage | null | undefined {
  const lower = word.toLowerCase();
  return Object.hasOwn(words, lower) ? words[lower] : undefined;
}

/** A payment that had ended is on its way again: every stage may follow. */
export const isRetry = (word: string): boolean => word.toLowerCase() === "retried";

/** Requests and payments. */
export const ZERO_HASH_WITHDRAWAL: Words<WithdrawalStage> = {
  pending_trade: "requested",
  initialized: "requested",
  // So printed on one page.
  initiatlized: "requested",
  submitted: "requested",
  pending: "pending",
  retried: "pending",
  approved: "approved",
  posted: "broadcast",
  crypto_settled: "confirmed",
  settled: "settled",
  fiat_settled: "settled",
  failed: "failed",
  abandoned: "failed",
  rejected: "rejected",
  cancelled: "rejected",
  // One l on other pages.
  canceled: "rejected",
  returned: "returned",
  returned_settled: "returned",
  unspecified: null,
};

/** `on_chain_status` of a request. */
export const ZERO_HASH_ON_CHAIN: Words<WithdrawalStage> = {
  pending: "broadcast",
  confirmed: "confirmed",
};

export const LAYER1_WITHDRAWAL: Words<WithdrawalStage> = {
  created: "requested",
  funds_needed: "requested",
  funds_reserved: "pending",
  screening_requested: "pending",
  held: "pending",
  blocked: "pending",
  screening_passed: "approved",
  signed: "approved",
  detected: "broadcast",
  unconfirmed: "broadcast",
  confirmed: "confirmed",
  success: "settled",
  failed: "failed",
  rejected: "rejected",
  replaced: null,
};

export const ZERO_HASH_DEPOSIT: Words<DepositStage> = {
  initial: "detected",
  pending: "unconfirmed",
  confirmed: "confirmed",
  pending_compliance_review: "screening",
  pending_approval: "held",
  // The provider prints it before `confirmed` as well as after.
  pending_settlement: null,
  completed: "credited",
  credited: "credited",
  quarantined: "quarantined",
  recovery_quarantine: "quarantined",
};

/** Bank payments that pull money in. */
export const BANK_DEPOSIT: Words<DepositStage> = {
  initialized: "detected",
  initiatlized: "detected",
  submitted: "detected",
  pending: "unconfirmed",
  retried: "unconfirmed",
  posted: "confirmed",
  settled: "credited",
  fiat_settled: "credited",
  returned: "returned",
  returned_settled: "returned",
  failed: "failed",
  abandoned: "failed",
  rejected: "rejected",
  cancelled: "rejected",
  canceled: "rejected",
  unspecified: null,
};

export const LAYER1_DEPOSIT: Words<DepositStage> = {
  detected: "detected",
  unconfirmed: "unconfirmed",
  confirmed: "confirmed",
  screening_requested: "screening",
  screening_passed: "screening",
  held: "held",
  blocked: "held",
  success: "credited",
  failed: "failed",
  rejected: "rejected",
  replaced: null,
};

export const ZERO_HASH_TRADE: Words<TradeStage> = {
  accepted: "accepted",
  active: "active",
  terminated: "terminated",
};
