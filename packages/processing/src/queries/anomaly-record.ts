import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import { formatTime, SECOND } from "@counterfoil/core/exact/time";
import { NOT_ACKNOWLEDGED } from "../models/anomaly-rows.ts";
import { stuckId } from "../models/lifecycle/tables.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./cell.ts";
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
export const acknowledgedIn = ({ acknowledged_at, acknowledged_by, note }: Row) => ({
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
