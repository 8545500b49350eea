import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { ModelStore } from "../ports/model-store.ts";
import type { RowBuffer } from "../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "./anomaly-rows.ts";
import { STOPPED } from "./columns.ts";

/**
 * Subjects that a fact could not be folded into (a fault of ours, never of the fact). The fact and
 * those after it wait; everything else goes on.
 */
export interface StoppedSubjects {
  has(subject: string): boolean;
  stop(event: RecordedEvent, error: unknown): Promise<void>;
  /** A further event of a stopped subject. */
  wait(event: RecordedEvent): Promise<void>;
  clear(subject: string, position: number): Promise<void>;
  subjects(): readonly StoppedSubject[];
}

/** And where its first event lies that could not be folded. */
export type StoppedSubject = Readonly<{ subject: string; position: number }>;

export async function openStopped(store: ModelStore, buffer: RowBuffer): Promise<StoppedSubjects> {
  const stored = await store.select(STOPPED, { orderBy: ["subject"], limit: 1_000_000 });
  const subjects = new Map(
    stored.map(({ subject, position }) => [String(subject), Number(position)]),
  );
  // One subject may be stopped in several models, and an anomaly's id is its own among all of them.
  const anomalyId = (subject: string): string => `stopped:${subject}:${store.model}`;
  return {
    has: (subject) => subjects.has(subject),
    async stop(event, error) {
      const { subject, position, type } = event;
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      subjects.set(subject, position);
      buffer.put(STOPPED, { subject, position, type, error: text, waiting: 1 }, null);
      const detail = { type, position: String(position), error: text };
      const id = anomalyId(subject);
      const content = { id, kind: "stopped", subject, detail, essence: {}, at: event.recorded_at };
      await openAnomaly(buffer, content, { position, deliveryId: null });
    },
    async wait({ subject }) {
      const row = await buffer.get(STOPPED, [subject]);
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
