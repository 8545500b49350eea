import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { lastChange, type Moment } from "./moment.ts";

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
