import type { DataOf } from "@counterfoil/contracts/fact";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Row, Value } from "../ports/model-store.ts";
import type { RowBuffer } from "../projection/row-buffer.ts";
import { ANOMALIES, ANOMALY_CHANGES, ATTENTION, ATTENTION_COUNTS } from "./columns.ts";

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

export const NOT_ACKNOWLEDGED = {
  acknowledged_at: null,
  acknowledged_by: null,
  note: null,
} as const;

/**
 * Opens an anomaly, alters one that is open, or opens one again that was closed: it keeps the place
 * where it first stood. Whoever acknowledged it acknowledged what it was before.
 */
export async function openAnomaly(
  buffer: RowBuffer,
  { id, kind, subject, detail, essence, at }: AnomalyContent,
  { position, deliveryId }: AnomalyCause,
): Promise<void> {
  const stored = await buffer.get(ANOMALIES, [id]);
  const content = {
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
  if (stored !== null && isSame(stored, content)) return;
  const attention = { attention: ATTENTION.open, changed_position: position, ...NOT_ACKNOWLEDGED };
  await putAnomaly(buffer, position, { stored, row: { ...content, ...attention } });
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
    await countAttention(buffer, String(stored.kind), {
      before: Number(stored.attention),
      after: ATTENTION.closed,
    });
    return noteChange(buffer, position, { id, row: null, isNew: false });
  }
  const closed = {
    closed_position: position,
    attention: ATTENTION.closed,
    changed_position: position,
  };
  await putAnomaly(buffer, position, { stored, row: { ...stored, ...closed } });
}

/** What says that somebody knows of an anomaly of some model. */
export type Acknowledgement = DataOf<"AnomalyAcknowledged"> &
  Readonly<{ position: number; recordedAt: Nanos }>;

/** An anomaly that is closed, or has changed since it was looked at, is left alone. */
export async function acknowledgeAnomaly(
  buffer: RowBuffer,
  { anomaly_id, as_of, position, ...acknowledgement }: Acknowledgement,
): Promise<void> {
  const stored = await buffer.get(ANOMALIES, [anomaly_id]);
  if (stored === null || stored.closed_position !== null) return;
  if (Number(stored.changed_position) > Number(as_of)) return;
  const row = { ...stored, attention: ATTENTION.acknowledged, ...acknowledgedBy(acknowledgement) };
  await putAnomaly(buffer, position, { stored, row });
}

/** As it is stored with what was acknowledged, or dismissed. */
export const acknowledgedBy = ({
  recordedAt,
  actor,
  note,
}: Pick<Acknowledgement, "recordedAt" | "actor" | "note">) => ({
  acknowledged_at: recordedAt,
  acknowledged_by: actor,
  note,
});

type Replacement = Readonly<{ stored: Row | null; row: Row }>;

async function putAnomaly(
  buffer: RowBuffer,
  position: number,
  { stored, row }: Replacement,
): Promise<void> {
  buffer.put(ANOMALIES, row, stored);
  const before = Number(stored?.attention ?? ATTENTION.closed);
  await countAttention(buffer, String(row.kind), { before, after: Number(row.attention) });
  const isNew = before === ATTENTION.closed && row.attention === ATTENTION.open;
  await noteChange(buffer, position, { id: String(row.id), row, isNew });
}

/** Keeps the count of a kind: `before` and `after` are what one of them asks for of attention. */
export async function countAttention(
  buffer: RowBuffer,
  kind: string,
  { before, after }: Readonly<{ before: number; after: number }>,
): Promise<void> {
  if (before === after) return;
  const stored = await buffer.get(ATTENTION_COUNTS, [kind]);
  const moved = (least: number) => Number(after >= least) - Number(before >= least);
  const row = {
    kind,
    open: Number(stored?.open ?? 0) + moved(ATTENTION.acknowledged),
    unacknowledged: Number(stored?.unacknowledged ?? 0) + moved(ATTENTION.open),
  };
  buffer.put(ATTENTION_COUNTS, row, stored);
}

function isSame(stored: Row, row: Row): boolean {
  return Object.entries(row).every(([column, value]) => stored[column] === value);
}

/** Whoever follows the changes sees the anomaly as it was then, and whether it was opened there. */
async function noteChange(
  buffer: RowBuffer,
  position: number,
  { id, row, isNew }: Readonly<{ id: string; row: Row | null; isNew: boolean }>,
): Promise<void> {
  // A stopped subject may be cleared by the very event that it was stopped at.
  const stored = await buffer.get(ANOMALY_CHANGES, [position, id]);
  const is_new = isNew || (typeof stored?.row === "string" && JSON.parse(stored.row).is_new);
  const text = row === null ? null : changeText({ ...row, ...(is_new ? { is_new: 1 } : {}) });
  buffer.put(ANOMALY_CHANGES, { position, id, row: text }, stored);
}

const TIMES = ["opened_at", "acknowledged_at"] as const;

/** JSON's numbers are too small for nanoseconds. */
function changeText(row: Row): string {
  const times = TIMES.map((column) => [column, timeText(row[column])]);
  return JSON.stringify({ ...row, ...Object.fromEntries(times) });
}

const timeText = (time: Value | undefined): string | null =>
  typeof time === "bigint" ? String(time) : null;

/** The anomaly that a change row holds; `is_new` where it was opened, or opened again, there. */
export function changedAnomaly(text: string): Row {
  const row = JSON.parse(text) as Row;
  const times = TIMES.map((column) => {
    const time = row[column];
    return [column, typeof time === "string" ? BigInt(time) : null];
  });
  return { ...row, ...Object.fromEntries(times) };
}
