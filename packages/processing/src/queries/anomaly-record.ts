import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import { formatTime, SECOND } from "@counterfoil/core/exact/time";
import { changedAnomaly, NOT_ACKNOWLEDGED } from "../models/anomaly-rows.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "../models/columns.ts";
import { stuckId } from "../models/lifecycle/tables.ts";
import type { Row, Rows } from "../ports/model-store.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./answers.ts";
import { lastChange, type Moment } from "./moment.ts";
import type { StuckRule } from "./stuck.ts";

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

/** Who acknowledged it; nulls where nobody did. */
const acknowledgedIn = ({ acknowledged_at, acknowledged_by, note }: Row) => ({
  acknowledged_at: timeIn(acknowledged_at),
  acknowledged_by: textIn(acknowledged_by),
  note: textIn(note),
});

/**
 * A record that stays too long in a stage; it opened when the limit had passed.
 *
 * @param known says who knows of it
 */
export function stuckRecord(
  row: Row,
  model: ModelName,
  { afterSeconds }: StuckRule,
  known: Row = NOT_ACKNOWLEDGED,
): AnomalyRecord {
  const { id, stage, entered_at, position } = row;
  const entered = BigInt(entered_at ?? 0);
  return {
    id: stuckId(String(id), String(stage)),
    kind: "stuck",
    model,
    subject: String(id),
    detail: { stage: String(stage), entered_at: formatTime(entered), after_seconds: afterSeconds },
    opened_at: formatTime(entered + BigInt(afterSeconds) * SECOND),
    opened_position: positionIn(position),
    closed_position: null,
    ...acknowledgedIn(known),
  };
}

/** An anomaly as the facts of a moment showed it; null where they showed none of this id. */
export async function anomalyAt(
  rows: Rows,
  id: string,
  { at_position }: Moment,
): Promise<Row | null> {
  if (at_position === undefined) return rows.get(ANOMALIES, [id]);
  const change = await lastChange(rows, ANOMALY_CHANGES, ["id", id], at_position);
  return typeof change?.row === "string" ? changedAnomaly(change.row) : null;
}

/** The same of rows as they stand now. */
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
