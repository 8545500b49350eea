import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord, StuckCount } from "@counterfoil/contracts/operations-record";
import { type LifecycleModel, STAGES } from "@counterfoil/contracts/record";
import { formatTime, type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { changedAnomaly, NOT_ACKNOWLEDGED } from "../models/anomaly-rows.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "../models/columns.ts";
import { KNOWN_STUCK, RECORDS, stuckId } from "../models/lifecycle/tables.ts";
import type { Condition, Row, Rows } from "../ports/model-store.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./answers.ts";
import { LIFECYCLES } from "./lifecycle-record.ts";
import { lastChange, type Moment } from "./moment.ts";

/** An anomaly as readers get it, from its row. */
export function anomalyRecord(row: Row, model: ModelName): AnomalyRecord {
  return {
    id: String(row.id),
    kind: row.kind as AnomalyRecord["kind"],
    model,
    subject: String(row.subject),
    detail: JSON.parse(String(row.detail)),
    opened_at: timeIn(row.opened_at),
    opened_position: positionIn(row.opened_position),
    closed_position: positionOrNull(row.closed_position),
    ...acknowledgedIn(row),
  };
}

/** The acknowledgement of an anomaly; nulls if there is none. */
const acknowledgedIn = ({ acknowledged_at, acknowledged_by, note }: Row) => ({
  acknowledged_at: timeIn(acknowledged_at),
  acknowledged_by: textIn(acknowledged_by),
  note: textIn(note),
});

/**
 * The anomaly of a record that is too long in a stage; it opened when the limit had passed.
 *
 * @param known the row with its acknowledgement
 */
export function stuckRecord(
  row: Row,
  model: ModelName,
  { afterSeconds }: StuckRule,
  known: Row = NOT_ACKNOWLEDGED,
): AnomalyRecord {
  const { id, stage, waits_since, position } = row;
  const since = BigInt(waits_since ?? 0);
  return {
    id: stuckId(String(id), String(stage)),
    kind: "stuck",
    model,
    subject: String(id),
    detail: { stage: String(stage), entered_at: formatTime(since), after_seconds: afterSeconds },
    opened_at: formatTime(since + BigInt(afterSeconds) * SECOND),
    opened_position: positionIn(position),
    closed_position: null,
    ...acknowledgedIn(known),
  };
}

/** An anomaly at a position, or now; null if there was none with this id. */
export async function anomalyAt(
  rows: Rows,
  id: string,
  { at_position }: Moment,
): Promise<Row | null> {
  if (at_position === undefined) return rows.get(ANOMALIES, [id]);
  const change = await lastChange(rows, ANOMALY_CHANGES, ["id", id], at_position);
  return typeof change?.row === "string" ? changedAnomaly(change.row) : null;
}

/** The versions at a moment of anomalies given by their current rows. */
export async function anomaliesAt(
  rows: Rows,
  present: readonly Row[],
  moment: Moment,
): Promise<readonly Row[]> {
  if (moment.at_position === undefined) return present;
  const then: Row[] = [];
  for (const { id } of present) {
    const row = await anomalyAt(rows, String(id), moment);
    if (row !== null) then.push(row);
  }
  return then;
}

/** Records that wait in a stage since before this are stuck in it. */
export type StuckRule = Readonly<{ before: Nanos; afterSeconds: number }>;

/** The rule that holds now, if records are stuck after so many seconds. */
export function stuckRule(now: Nanos, afterSeconds: number): StuckRule {
  return { before: now - BigInt(afterSeconds) * SECOND, afterSeconds };
}

/**
 * Whether a record is stuck, which depends on the clock and is never stored, digested or published.
 */
export function isStuck({ waits, waits_since }: Row, { before }: StuckRule): boolean {
  return typeof waits === "string" && typeof waits_since === "bigint" && waits_since < before;
}

/** Stages in which a record may be stuck. */
export function waitingStages(model: LifecycleModel): readonly string[] {
  const { resting, isUnfinished } = LIFECYCLES[model];
  return STAGES[model].filter((stage) => isUnfinished !== undefined || !resting.includes(stage));
}

/** The acknowledgement of a stuck record; null if there is none. */
export async function knownOf(rows: Rows, { id = null, is_known }: Row): Promise<Row | null> {
  return is_known ? rows.get(KNOWN_STUCK, [id]) : null;
}

/** The number of stuck records by stage, counted by indexes, and how many are not acknowledged. */
export async function countStuck(
  rows: Rows,
  model: LifecycleModel,
  rule: StuckRule,
): Promise<readonly StuckCount[]> {
  const counts: StuckCount[] = [];
  for (const stage of waitingStages(model)) {
    const stuckIn = (column: "waits" | "stage"): readonly Condition[] => [
      { column, is: "=", value: stage },
      { column: "waits_since", is: "<", value: rule.before },
    ];
    const open = await rows.count(RECORDS, stuckIn("waits"));
    if (open === 0) continue;
    const known = await rows.count(KNOWN_STUCK, stuckIn("stage"));
    counts.push({ model, stage, open, unacknowledged: open - known });
  }
  return counts;
}
