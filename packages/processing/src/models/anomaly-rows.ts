import type { Nanos } from "@counterfoil/core/exact/time";
import type { Row, Value } from "../ports/table.ts";
import type { RowBuffer } from "../projection/row-buffer.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "./columns.ts";

export type AnomalyContent = Readonly<{
  id: string;
  kind: string;
  subject: string;
  detail: Readonly<Record<string, unknown>>;
  essence: Readonly<Record<string, unknown>>;
  at: Nanos | null;
}>;

/** The event that shows it. */
export type AnomalyCause = Readonly<{ position: number; deliveryId: string | null }>;

/**
 * Opens an anomaly, alters one that is open, or opens one again that was closed: it keeps the place
 * where it first stood.
 */
export async function openAnomaly(
  buffer: RowBuffer,
  { id, kind, subject, detail, essence, at }: AnomalyContent,
  { position, deliveryId }: AnomalyCause,
): Promise<void> {
  const stored = await buffer.get(ANOMALIES, [id]);
  const row = {
    id,
    kind,
    subject,
    essence: JSON.stringify(essence),
    detail: JSON.stringify(detail),
    opened_at: at,
    opened_position: stored?.opened_position ?? position,
    closed_position: null,
    delivery_id: stored ? (stored.delivery_id ?? null) : deliveryId,
  };
  if (stored !== null && isSame(stored, row)) return;
  buffer.put(ANOMALIES, row, stored);
  await noteChange(buffer, position, { id, row });
}

/**
 * Closes an anomaly. One that the same delivery opened never stood: a delivery's facts are folded
 * one by one, and between a run's two movements something is always missing.
 */
export async function closeAnomaly(
  buffer: RowBuffer,
  id: string,
  { position, deliveryId }: AnomalyCause,
): Promise<void> {
  const stored = await buffer.get(ANOMALIES, [id]);
  if (stored === null || stored.closed_position !== null) return;
  if (deliveryId !== null && stored.delivery_id === deliveryId) {
    buffer.remove(ANOMALIES, stored, stored);
    return noteChange(buffer, position, { id, row: null });
  }
  const row = { ...stored, closed_position: position };
  buffer.put(ANOMALIES, row, stored);
  await noteChange(buffer, position, { id, row });
}

function isSame(stored: Row, row: Row): boolean {
  return Object.entries(row).every(([column, value]) => stored[column] === value);
}

/** Whoever follows the changes sees the anomaly as it was then. */
async function noteChange(
  buffer: RowBuffer,
  position: number,
  { id, row }: Readonly<{ id: string; row: Row | null }>,
): Promise<void> {
  const text = row === null ? null : JSON.stringify({ ...row, opened_at: timeText(row.opened_at) });
  // A stopped subject may be cleared by the very event that it was stopped at.
  const stored = await buffer.get(ANOMALY_CHANGES, [position, id]);
  buffer.put(ANOMALY_CHANGES, { position, id, row: text }, stored);
}

/** JSON's numbers are too small for nanoseconds. */
const timeText = (time: Value | undefined): string | null =>
  typeof time === "bigint" ? String(time) : null;
