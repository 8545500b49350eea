import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { ACCOUNT_BYTES_MAX } from "@counterfoil/contracts/scalar";
import { cutText } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { closeAnomaly, openAnomaly } from "../models/anomaly-rows.ts";
import { STOPPED } from "../models/columns.ts";
import type { ModelStore } from "../ports/model-store.ts";
import type { RowBuffer } from "./row-buffer.ts";

/**
 * Subjects that a fact could not be projected into: the fold failed, or the engine does not take its
 * rows. The fact and those after it wait; everything else goes on.
 */
export interface StoppedSubjects {
  has(subject: string): boolean;
  stop(event: RecordedEvent, error: unknown): Promise<void>;
  /** A further event of a stopped subject. */
  wait(event: RecordedEvent): Promise<void>;
  clear(subject: string, position: number): Promise<void>;
  subjects(): readonly StoppedSubject[];
}

/** Its `subjectName`, and where its first event lies that could not be projected. */
export type StoppedSubject = Readonly<{ subject: string; position: number }>;

/**
 * What a subject is called in keys of our own: by itself, or, where it may be too long to be a key, by
 * its beginning and its digest. Old ledgers hold such subjects.
 */
export function subjectName(subject: string, hashing: Hashing): string {
  // A character takes three bytes at most: nearly every subject is short enough at a glance.
  if (3 * subject.length <= ACCOUNT_BYTES_MAX) return subject;
  const isShort = subject.length <= ACCOUNT_BYTES_MAX;
  if (isShort && encoder.encode(subject).length <= ACCOUNT_BYTES_MAX) return subject;
  return `${cutText(subject, 60)}#${hashing.sha256(subject)}`;
}

const encoder = new TextEncoder();

const ERROR_LENGTH_MAX = 1000;

/** What went wrong, in words that any log and any column takes. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return cutText(text, ERROR_LENGTH_MAX).replaceAll("\0", "\ufffd");
}

export async function openStopped(
  store: ModelStore,
  buffer: RowBuffer,
  hashing: Hashing,
): Promise<StoppedSubjects> {
  const stored = await store.select(STOPPED, { orderBy: ["subject"], limit: 1_000_000 });
  const subjects = new Map(
    stored.map(({ subject, position }) => [String(subject), Number(position)]),
  );
  // One subject may be stopped in several models, and an anomaly's id is its own among all of them.
  const anomalyId = (subject: string): string => `stopped:${subject}:${store.model}`;
  return {
    has: (subject) => subjects.size > 0 && subjects.has(subjectName(subject, hashing)),
    async stop(event, error) {
      const { position, type } = event;
      const subject = subjectName(event.subject, hashing);
      const text = errorText(error);
      subjects.set(subject, position);
      buffer.put(STOPPED, { subject, position, type, error: text, waiting: 1 }, null);
      const detail = { type, position: String(position), error: text };
      const id = anomalyId(subject);
      const content = { id, kind: "stopped", subject, detail, essence: {}, at: event.recorded_at };
      await openAnomaly(buffer, content, { position, deliveryId: null });
    },
    async wait(event) {
      const row = await buffer.get(STOPPED, [subjectName(event.subject, hashing)]);
      if (row !== null) {
        buffer.put(STOPPED, { ...row, waiting: Number(row.waiting) + 1 }, row);
      }
    },
    async clear(subject, position) {
      const row = await buffer.get(STOPPED, [subject]);
      if (row !== null) buffer.remove(STOPPED, row, row);
      await closeAnomaly(buffer, anomalyId(subject), { position, deliveryId: null });
      subjects.delete(subject);
    },
    subjects: () => [...subjects].map(([subject, position]) => ({ subject, position })),
  };
}
