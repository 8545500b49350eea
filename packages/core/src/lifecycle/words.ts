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

type ByStage<Stage extends string> = Readonly<Partial<Record<Stage | "history_only", string>>>;

function wordsOf<Stage extends string>(byStage: ByStage<Stage>): Words<Stage> {
  const words = Object.entries<string | undefined>(byStage).flatMap(([stage, listed = ""]) =>
    listed.split(" ").map((word) => [word, stage === "history_only" ? null : stage]),
  );
  return Object.fromEntries(words);
}

/** Requests and payments. One page prints `initiatlized`, others `canceled` with one l. */
export const ZERO_HASH_WITHDRAWAL = wordsOf<WithdrawalStage>({
  requested: "pending_trade initialized initiatlized submitted",
  pending: "pending retried",
  approved: "approved",
  broadcast: "posted",
  confirmed: "crypto_settled",
  settled: "settled fiat_settled",
  failed: "failed abandoned",
  rejected: "rejected cancelled canceled",
  returned: "returned returned_settled",
  history_only: "unspecified",
});

/** `on_chain_status` of a request. */
export const ZERO_HASH_ON_CHAIN = wordsOf<WithdrawalStage>({
  broadcast: "pending",
  confirmed: "confirmed",
});

export const LAYER1_WITHDRAWAL = wordsOf<WithdrawalStage>({
  requested: "created funds_needed",
  pending: "funds_reserved screening_requested held blocked",
  approved: "screening_passed signed",
  broadcast: "detected unconfirmed",
  confirmed: "confirmed",
  settled: "success",
  failed: "failed",
  rejected: "rejected",
  history_only: "replaced",
});

/** The provider prints `pending_settlement` before `confirmed` as well as after. */
export const ZERO_HASH_DEPOSIT = wordsOf<DepositStage>({
  detected: "initial",
  unconfirmed: "pending",
  confirmed: "confirmed",
  screening: "pending_compliance_review",
  held: "pending_approval",
  credited: "completed credited",
  quarantined: "quarantined recovery_quarantine",
  history_only: "pending_settlement",
});

/** Bank payments that pull money in. */
export const BANK_DEPOSIT = wordsOf<DepositStage>({
  detected: "initialized initiatlized submitted",
  unconfirmed: "pending retried",
  confirmed: "posted",
  credited: "settled fiat_settled",
  returned: "returned returned_settled",
  failed: "failed abandoned",
  rejected: "rejected cancelled canceled",
  history_only: "unspecified",
});

export const LAYER1_DEPOSIT = wordsOf<DepositStage>({
  detected: "detected",
  unconfirmed: "unconfirmed",
  confirmed: "confirmed",
  screening: "screening_requested screening_passed",
  held: "held blocked",
  credited: "success",
  failed: "failed",
  rejected: "rejected",
  history_only: "replaced",
});

export const ZERO_HASH_TRADE = wordsOf<TradeStage>({
  accepted: "accepted",
  active: "active",
  terminated: "terminated",
});
