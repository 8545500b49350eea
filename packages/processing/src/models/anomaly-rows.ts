import type { Nanos } from "@counterfoil/core/exact/time";
import type { RowBuffer } from "../projection/row-buffer.ts";
import { ANOMALIES } from "./columns.ts";

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
  buffer.put(ANOMALIES, row, stored);
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
  if (deliveryId !== null && stored.delivery_id === deliveryId)
    buffer.remove(ANOMALIES, stored, stored);
  else buffer.put(ANOMALIES, { ...stored, closed_position: position }, stored);
}
