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

/** The event that opens or closes an anomaly, and the delivery that states it, if one does. */
export type AnomalyCause = Readonly<{
  position: number;
  deliveryId: string | null;
  /** Events of one append have one time; null if no delivery states it. */
  recordedAt: Nanos | null;
}>;

export const NOT_ACKNOWLEDGED = {
  acknowledged_at: null,
  acknowledged_by: null,
  note: null,
} as const;

/**
 * Opens an anomaly, updates an open one, or reopens a closed one: it keeps the position at which it
 * was first opened. A change clears the acknowledgement, which applies to the earlier content.
 */
export async function openAnomaly(
  buffer: RowBuffer,
  { id, kind, subject, detail, essence, at }: AnomalyContent,
  { position, deliveryId, recordedAt }: AnomalyCause,
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
    recorded_at: stored?.recorded_at ?? recordedAt,
  };
  if (stored !== null && isSame(stored, content)) return;
  const attention = { attention: ATTENTION.open, changed_position: position, ...NOT_ACKNOWLEDGED };
  await putAnomaly(buffer, position, { stored, row: { ...content, ...attention } });
}

/**
 * Closes an anomaly. One that the same delivery opened, by events that were recorded at once, is
 * removed: they are folded one by one, and between a run's two movements there is always a gap. What
 * a later translation of the delivery closes was seen, and stays.
 */
export async function closeAnomaly(
  buffer: RowBuffer,
  id: string,
  { position, deliveryId, recordedAt }: AnomalyCause,
): Promise<void> {
  const stored = await buffer.get(ANOMALIES, [id]);
  if (stored === null || stored.closed_position !== null) return;
  const isOfSameDelivery = deliveryId !== null && stored.delivery_id === deliveryId;
  if (isOfSameDelivery && stored.recorded_at === recordedAt) {
    buffer.remove(ANOMALIES, stored, stored);
    await countAttention(buffer, String(stored.kind), {
      before: Number(stored.attention),
      after: ATTENTION.closed,
    });
    return recordChange(buffer, position, { id, row: null, isNew: false });
  }
  const closed = {
    closed_position: position,
    attention: ATTENTION.closed,
    changed_position: position,
  };
  await putAnomaly(buffer, position, { stored, row: { ...stored, ...closed } });
}

/** An operator's acknowledgement of an anomaly of a model. */
type Acknowledgement = DataOf<"AnomalyAcknowledged"> &
  Readonly<{ position: number; recordedAt: Nanos }>;

/** Acknowledges an anomaly, unless it is closed or has changed since `as_of`, the position the operator saw. */
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

/** The columns of an acknowledgement, or of a dismissal of a quarantined delivery. */
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
  await recordChange(buffer, position, { id: String(row.id), row, isNew });
}

/** Updates the counts of a kind for one item whose attention changes from `before` to `after`. */
export async function countAttention(
  buffer: RowBuffer,
  kind: string,
  { before, after }: Readonly<{ before: number; after: number }>,
): Promise<void> {
  if (before === after) return;
  const stored = await buffer.get(ATTENTION_COUNTS, [kind]);
  const difference = (least: number) => Number(after >= least) - Number(before >= least);
  const row = {
    kind,
    open: Number(stored?.open ?? 0) + difference(ATTENTION.acknowledged),
    unacknowledged: Number(stored?.unacknowledged ?? 0) + difference(ATTENTION.open),
  };
  buffer.put(ATTENTION_COUNTS, row, stored);
}

function isSame(stored: Row, row: Row): boolean {
  return Object.entries(row).every(([column, value]) => stored[column] === value);
}

/** Writes the change row: the anomaly as of this position, and whether it was opened or reopened here. */
async function recordChange(
  buffer: RowBuffer,
  position: number,
  { id, row, isNew }: Readonly<{ id: string; row: Row | null; isNew: boolean }>,
): Promise<void> {
  // The event at which a subject stopped may also clear it, so the change row may exist already.
  const stored = await buffer.get(ANOMALY_CHANGES, [position, id]);
  const is_new = isNew || (typeof stored?.row === "string" && JSON.parse(stored.row).is_new);
  const text = row === null ? null : changeText({ ...row, ...(is_new ? { is_new: 1 } : {}) });
  buffer.put(ANOMALY_CHANGES, { position, id, row: text }, stored);
}

const TIMES = ["opened_at", "recorded_at", "acknowledged_at"] as const;

/** Times are text, because JSON numbers cannot hold nanoseconds exactly. */
function changeText(row: Row): string {
  const times = TIMES.map((column) => [column, timeText(row[column])]);
  return JSON.stringify({ ...row, ...Object.fromEntries(times) });
}

const timeText = (time: Value | undefined): string | null =>
  typeof time === "bigint" ? String(time) : null;

/** The anomaly in a change row; `is_new` if it was opened or reopened at that position. */
export function changedAnomaly(text: string): Row {
  const row = JSON.parse(text) as Row;
  const times = TIMES.map((column) => {
    const time = row[column];
    return [column, typeof time === "string" ? BigInt(time) : null];
  });
  return { ...row, ...Object.fromEntries(times) };
}
