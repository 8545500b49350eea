import type { ModelName } from "@counterfoil/contracts/fact";
import type { StuckCount } from "@counterfoil/contracts/operations-record";
import { DEPOSIT_STAGES, TRADE_STAGES, WITHDRAWAL_STAGES } from "@counterfoil/contracts/record";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { KNOWN_STUCK, RECORDS } from "../models/lifecycle/tables.ts";
import type { Condition, Row, Rows } from "../ports/model-store.ts";

/** Whose records go through stages. */
export const LIFECYCLE_MODELS = ["withdrawals", "deposits", "trades"] as const;
export type LifecycleModel = (typeof LIFECYCLE_MODELS)[number];

export function isLifecycle(model: ModelName): model is LifecycleModel {
  return LIFECYCLE_MODELS.some((name) => name === model);
}

export const STAGES = {
  withdrawals: WITHDRAWAL_STAGES,
  deposits: DEPOSIT_STAGES,
  trades: TRADE_STAGES,
} as const;

/** Where a record rests, however long; some of them may still be left (a return, a release). */
const RESTING: Readonly<Record<LifecycleModel, readonly string[]>> = {
  withdrawals: ["settled", "failed", "rejected", "returned"],
  deposits: ["credited", "returned", "failed", "rejected", "quarantined"],
  trades: ["terminated"],
};

/** Records that entered their stage before this are stuck in it. */
export type StuckRule = Readonly<{ before: Nanos; afterSeconds: number }>;

export function stuckRule(now: Nanos, afterSeconds: number): StuckRule {
  return { before: now - BigInt(afterSeconds) * SECOND, afterSeconds };
}

/** What the clock says of a record: never stored, digested or published. */
export function isStuck(row: Row, model: LifecycleModel, { before }: StuckRule): boolean {
  const { stage, entered_at } = row;
  if (typeof stage !== "string" || typeof entered_at !== "bigint") return false;
  return entered_at < before && !RESTING[model].includes(stage);
}

/** Stages in which a record may be stuck; no index knows for how long it has been in one. */
export function movingStages(model: LifecycleModel): readonly string[] {
  return STAGES[model].filter((stage) => !RESTING[model].includes(stage));
}

/** What somebody said of a record that is stuck; null where nobody said anything of it. */
export async function knownOf(rows: Rows, { id = null, is_known }: Row): Promise<Row | null> {
  return is_known ? rows.get(KNOWN_STUCK, [id]) : null;
}

/** How many records are stuck, by stage: indexes count them, and those of which somebody knows. */
export async function countStuck(
  rows: Rows,
  model: LifecycleModel,
  rule: StuckRule,
): Promise<readonly StuckCount[]> {
  const counts: StuckCount[] = [];
  for (const stage of movingStages(model)) {
    const stuck: readonly Condition[] = [
      { column: "stage", is: "=", value: stage },
      { column: "entered_at", is: "<", value: rule.before },
    ];
    const open = await rows.count(RECORDS, stuck);
    if (open === 0) continue;
    const known = await rows.count(KNOWN_STUCK, stuck);
    counts.push({ model, stage, open, unacknowledged: open - known });
  }
  return counts;
}
