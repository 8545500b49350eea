import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/record";
import { formatTime, SECOND } from "@counterfoil/core/exact/time";
import type { Row } from "../ports/table.ts";
import { positionIn, positionOrNull, timeIn } from "./cell.ts";
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
  };
}

/** A record that stays too long in a stage; it opened when the limit had passed. */
export function stuckRecord(
  row: Row,
  model: ModelName,
  { afterSeconds }: StuckRule,
): AnomalyRecord {
  const { id, stage, entered_at, position } = row;
  const entered = BigInt(entered_at ?? 0);
  return {
    id: `stuck:${id}:${stage}`,
    kind: "stuck",
    model,
    subject: String(id),
    detail: { stage: String(stage), entered_at: formatTime(entered), after_seconds: afterSeconds },
    opened_at: formatTime(entered + BigInt(afterSeconds) * SECOND),
    opened_position: positionIn(position),
    closed_position: null,
  };
}
