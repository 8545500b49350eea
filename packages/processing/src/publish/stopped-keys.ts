import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { FACT_TOPIC, type Topic } from "@counterfoil/contracts/kafka";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { cutText } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { modelOn } from "../changes/change-rows.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { RecordTooLarge, type TopicPublisher, type TopicRecord } from "../ports/topics.ts";
import { type StoppedSubject, subjectName } from "../projection/stopped.ts";
import {
  factMessage,
  formatCheckpoint,
  type PublisherCheckpoint,
  type StoppedKey,
} from "./topic-format.ts";

/** With more stopped keys the fault is not in the keys, and publishing fails. */
const STOPPED_KEYS_MAX = 1000;

export type Publishing = Readonly<{
  publisher: TopicPublisher;
  hashing: Hashing;
  onStopped?: ((stop: StoppedKey & Readonly<{ error: string }>) => void) | undefined;
}>;

/**
 * Publishes the records that the broker accepts, in one transaction, and stops the keys of those that
 * it refuses.
 *
 * @param checkpoint the last committed one
 * @param nextOf returns the checkpoint that is committed with the records
 * @throws RecordTooLarge if too many keys are stopped
 */
export async function publishAccepted(
  { publisher, hashing, onStopped }: Publishing,
  records: readonly TopicRecord[],
  checkpoint: PublisherCheckpoint,
  nextOf: (stopped: readonly StoppedKey[]) => PublisherCheckpoint,
): Promise<PublisherCheckpoint> {
  const refused = new Map<TopicRecord, string>();
  for (;;) {
    const { sent, stopped } = holdBackStopped(records, checkpoint.stopped, refused, hashing);
    const next = nextOf(stopped);
    try {
      await publisher.publish({ records: sent, checkpoint: formatCheckpoint(next) });
    } catch (error) {
      if (!(error instanceof RecordTooLarge)) throw error;
      if (stopped.length + error.records.length > STOPPED_KEYS_MAX) throw error;
      for (const record of error.records) refused.set(record, cutText(error.message, 500));
      continue;
    }
    const errors = new Map(
      [...refused].map(([record, error]) => [nameOf(stopOf(record, hashing)), error]),
    );
    const known = new Set(checkpoint.stopped.map(nameOf));
    for (const stop of stopped) {
      const error = errors.get(nameOf(stop));
      if (error !== undefined && !known.has(nameOf(stop))) onStopped?.({ ...stop, error });
    }
    return next;
  }
}

/** Selects the records to send, and determines the stopped keys after them. */
function holdBackStopped(
  records: readonly TopicRecord[],
  before: readonly StoppedKey[],
  refused: ReadonlyMap<TopicRecord, string>,
  hashing: Hashing,
) {
  if (before.length === 0 && refused.size === 0) return { sent: records, stopped: before };
  const stopped = new Map(before.map((one) => [nameOf(one), one]));
  const sent = records.filter((record) => {
    const stop = stopOf(record, hashing);
    const name = nameOf(stop);
    const known = stopped.get(name);
    if (known !== undefined && record.topic === FACT_TOPIC) return false;
    const isSent = !refused.has(record);
    if (isSent) stopped.delete(name);
    else stopped.set(name, known ?? stop);
    return isSent;
  });
  return { sent, stopped: [...stopped.values()] };
}

const nameOf = ({ topic, key }: StoppedKey): string => `${topic}:${key}`;

function stopOf({ topic, key, value, headers }: TopicRecord, hashing: Hashing): StoppedKey {
  const isFact = "counterfoil_key_sequence" in headers;
  return {
    topic,
    key: subjectName(key, hashing),
    position: Number(headers.counterfoil_position),
    sequence: isFact ? Number(headers.counterfoil_key_sequence) : 0,
    model: isFact ? null : modelOf(topic, value),
  };
}

/** All models share the anomalies topic; a tombstone there does not name its model. */
function modelOf(topic: Topic, value: string | null): ModelName | null {
  if (topic !== "anomalies") return modelOn(topic);
  return value === null ? null : modelName.parse(JSON.parse(value).model);
}

/** The stopped state keys of a model as stopped subjects. */
export function stoppedStates(
  stopped: readonly StoppedKey[],
  model: ModelName,
): readonly StoppedSubject[] {
  return stopped
    .filter((one) => one.model === model)
    .map((one) => ({ subject: nameOf(one), position: one.position }));
}

/** `limits`: the number of events that are read at once. */
type Retry = Publishing & Readonly<{ stream: EventStream; limits: Readonly<{ count: number }> }>;

/** Publishes the facts of stopped keys that the broker accepts now. */
export async function retryFacts(
  { stream, limits, ...publishing }: Retry,
  checkpoint: PublisherCheckpoint,
): Promise<PublisherCheckpoint> {
  const { ledger, position: end } = checkpoint;
  const waiting = new Map(
    checkpoint.stopped.flatMap((one) => (one.topic === FACT_TOPIC ? [[one.key, one]] : [])),
  );
  let current = checkpoint;
  let after = Math.min(...[...waiting.values()].map(({ position }) => position)) - 1;
  while (waiting.size > 0 && after < end) {
    const page = await stream.read({ after, limit: Math.min(limits.count, end - after) });
    after = page.at(-1)?.position ?? end;
    const records = page.flatMap((event) =>
      nextMessage(event, waiting, publishing.hashing, ledger),
    );
    if (records.length === 0 && after < end) continue;
    const others = current.stopped.filter(({ topic }) => topic !== FACT_TOPIC);
    const refused = current.stopped.filter(
      ({ topic, key }) => topic === FACT_TOPIC && !waiting.has(key),
    );
    const before = { ...current, stopped: [...others, ...refused] };
    current = await publishAccepted(publishing, records, before, (stopped) => {
      const again = new Set(stopped.map(({ key, topic }) => topic === FACT_TOPIC && key));
      const further = [...waiting.values()].filter(({ key }) => after < end && !again.has(key));
      const from = (one: StoppedKey) => ({ ...one, position: Math.max(one.position, after + 1) });
      return { ...current, stopped: [...stopped, ...further.map(from)] };
    });
    for (const { topic, key, position } of current.stopped) {
      if (topic === FACT_TOPIC && position <= after) waiting.delete(key);
    }
  }
  return current;
}

/** The message of an event whose subject waits, with its original number. */
function nextMessage(
  event: RecordedEvent,
  waiting: Map<string, StoppedKey>,
  hashing: Hashing,
  ledger: string,
): readonly TopicRecord[] {
  const key = subjectName(event.subject, hashing);
  const stop = waiting.get(key);
  if (stop === undefined || event.position < stop.position) return [];
  waiting.set(key, { ...stop, sequence: stop.sequence + 1 });
  return [factMessage(event, { ledger, keySequence: stop.sequence })];
}
