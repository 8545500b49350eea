import type { AnomalyRecord } from "@counterfoil/contracts/record";
import type { TopicRecord } from "../ports/topic-publisher.ts";
import type { Batch } from "./batch.ts";
import type { PublisherCheckpoint } from "./checkpoint.ts";
import { factMessage, stateMessage } from "./message.ts";
import type { Change } from "./model-changes.ts";

/**
 * The messages of a batch.
 *
 * @param numbers of the batch's events: which of its subject's each is.
 */
export function batchMessages(
  { events, changes }: Batch,
  { ledger, position, models }: PublisherCheckpoint,
  numbers: readonly number[],
): readonly TopicRecord[] {
  const recordedAt = new Map(events.map((event) => [event.position, event.recorded_at]));
  const facts = events.map((event, at) =>
    factMessage(event, { ledger, keySequence: numbers[at] ?? 0 }),
  );
  const states = withoutBriefAnomalies(changes, position).map(({ source, id, value, ...change }) =>
    stateMessage(
      { topic: source.topic, key: id, value },
      {
        ledger,
        position: change.position,
        recordedAt: recordedAt.get(change.position) ?? 0n,
        generation: models[source.model].generation,
      },
    ),
  );
  return [...facts, ...states];
}

/**
 * Drops an anomaly that is opened and removed within the batch: a delivery's facts are projected one
 * by one, and what is wrong between two of them was never true.
 */
function withoutBriefAnomalies(changes: readonly Change[], after: number): readonly Change[] {
  const firstOf = new Map<string, Change>();
  const removedAt = new Map<string, number>();
  for (const [at, change] of changes.entries()) {
    if (change.source.topic !== "anomalies") continue;
    const key = keyOf(change);
    if (!firstOf.has(key)) firstOf.set(key, change);
    if (change.value === null) removedAt.set(key, at);
  }
  if (removedAt.size === 0) return changes;
  return changes.filter((change, at) => {
    const key = keyOf(change);
    const first = firstOf.get(key);
    return at > (removedAt.get(key) ?? -1) || first === undefined || !isOpening(first, after);
  });
}

const keyOf = ({ source, id }: Change): string => `${source.model}:${source.topic}:${id}`;

/** Whether there was nothing under the id before. */
function isOpening({ value }: Change, after: number): boolean {
  if (value === null) return false;
  const { opened_position } = JSON.parse(value) as AnomalyRecord;
  return Number(opened_position) > after;
}
