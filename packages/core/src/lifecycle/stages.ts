import type { DepositStage, TradeStage, WithdrawalStage } from "@counterfoil/contracts/record";
import { type Nanos, SECOND } from "../exact/time.ts";

/** Providers' status words in lower case, with our stages; null is history only. */
export type Words<Stage extends string> = Readonly<Record<string, Stage | null>>;

/** The stage of a word, compared without case; undefined for an unknown word. */
export function stageOfWord<Stage extends string>(
  words: Words<Stage>,
  word: string,
): Stage | null | undefined {
  const lower = word.toLowerCase();
  return Object.hasOwn(words, lower) ? words[lower] : undefined;
}

/** Whether an ended payment is being tried again, so that every stage may follow. */
export const isRetry = (word: string): boolean => word.toLowerCase() === "retried";

type ByStage<Stage extends string> = Readonly<Partial<Record<Stage | "history_only", string>>>;

function wordsOf<Stage extends string>(byStage: ByStage<Stage>): Words<Stage> {
  const words = Object.entries<string | undefined>(byStage).flatMap(([stage, listed = ""]) =>
    listed.split(" ").map((word) => [word, stage === "history_only" ? null : stage]),
  );
  return Object.fromEntries(words);
}

/** Requests and payments. Providers also print `initiatlized`, and `canceled` with one l. */
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

/** The `on_chain_status` of a request. */
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

/**
 * An entry that counts specially: `unknown` has a word that is not listed; `at_least` counts only
 * while the record has no stage; `retries` and `rebooks` reopen a final stage.
 */
export type Mode = "unknown" | "at_least" | "retries" | "rebooks";

/** A step that is neither in `moves` nor in `fills` is illegal. */
export type StageRules<Stage extends string = string> = Readonly<{
  /** Orders entries with equal times. */
  order: readonly Stage[];
  steps: Readonly<Record<Stage, Steps<Stage>>>;
  /** The final stages that an entry of a mode reopens. */
  reopened: Readonly<Partial<Record<Mode, readonly Stage[]>>>;
}>;

type Steps<Stage> = Readonly<{
  /** The stages that may follow. */
  moves: readonly Stage[];
  /** Stages that were passed already: such an entry is kept in the history only. */
  fills: readonly Stage[];
}>;

/** The steps of a sequence whose stages may be skipped, and which may end after each of them. */
export function stepsThrough<On extends Stage, Stage>(
  sequence: readonly On[],
  ends: readonly Stage[],
) {
  const steps = sequence.map((stage, index) => {
    const moves = [...sequence.slice(index + 1), ...ends];
    const step: Steps<Stage> = { moves, fills: sequence.slice(0, index) };
    return [stage, step];
  });
  return Object.fromEntries(steps) as Record<On & string, Steps<Stage>>;
}

/** One entry that a fact adds to the history of its record. */
export type HistoryEntry = Readonly<{
  /** null for an entry that is history only. */
  stage: string | null;
  word: string;
  source: "movement" | "status" | "payment" | "fund";
  /** As the provider printed it. */
  occurred_at: string | null;
  mode?: Mode | null;
  /**
   * Of the entries with one key, only those with the lowest rank are shown, and only their facts are
   * summed. Two of them that state different amounts contradict each other.
   */
  slot?: Readonly<{ key: string; rank: string; amount?: string }>;
}>;

type Step = Readonly<{
  after: string | null;
  /** Whether the stage changed. */
  moves: boolean;
  /** A flag that needs a person's attention: `kind:what`. */
  flag: string | null;
}>;

/** One step through a history. It depends only on the stage before it. */
export function takeStep(
  before: string | null,
  { stage, word, mode }: Pick<HistoryEntry, "stage" | "word" | "mode">,
  rules: StageRules,
): Step {
  const stay = (flag: string | null): Step => ({ after: before, moves: false, flag });
  if (mode === "unknown") return stay(`unknown_word:${word}`);
  if (stage === null) return stay(null);
  if (before === null) return { after: stage, moves: true, flag: null };
  if (mode === "at_least") return stay(null);
  const steps = rules.steps[before];
  const opens = mode && rules.reopened[mode]?.includes(before);
  if (opens || steps?.moves.includes(stage)) return { after: stage, moves: true, flag: null };
  const passes = stage === before || mode === "retries" || steps?.fills.includes(stage);
  return stay(passes ? null : `illegal_step:${before}->${stage}`);
}

/** The rank of an entry among those with equal times: what was retried had ended before. */
export function rankOf(
  { stage, mode }: Pick<HistoryEntry, "stage" | "mode">,
  rules: StageRules,
): number {
  if (stage === null || mode === "unknown") return 0;
  return mode === "retries" ? rules.order.length + 1 : rules.order.indexOf(stage) + 1;
}

/**
 * The seconds from each entry that changed the stage to the next one that did, exact to the
 * nanosecond; null for the last one, and for entries that did not change the stage.
 */
export function secondsInStage(
  history: readonly Readonly<{ moves: boolean; at: Nanos }>[],
): (string | null)[] {
  let next: Nanos | null = null;
  const seconds = history.toReversed().map(({ moves, at }) => {
    if (!moves) return null;
    const spent = next === null ? null : formatSeconds(next - at);
    next = at;
    return spent;
  });
  return seconds.reverse();
}

function formatSeconds(nanos: Nanos): string {
  const [size, sign] = nanos < 0n ? [-nanos, "-"] : [nanos, ""];
  const fraction = String(size % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${sign}${size / SECOND}${fraction && `.${fraction}`}`;
}
