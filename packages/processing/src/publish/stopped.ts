import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { FACT_TOPIC, type Topic } from "@counterfoil/contracts/kafka";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { cutText } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Change } from "../changes/change-rows.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { RecordTooLarge, type TopicPublisher, type TopicRecord } from "../ports/topics.ts";
import { type StoppedSubject, subjectName } from "../projection/projection.ts";
import type { Batch, TransactionLimits } from "./batch.ts";
import {
  factMessage,
  formatCheckpoint,
  type PublishedModel,
  type PublisherCheckpoint,
  type StoppedKey,
  withModel,
} from "./topic-format.ts";

/** With more it is not the keys that are at fault: nothing goes on then. */
const STOPPED_KEYS_MAX = 1000;

export type Publishing = Readonly<{
  publisher: TopicPublisher;
  hashing: Hashing;
  onStopped?: ((stop: StoppedKey & Readonly<{ error: string }>) => void) | undefined;
}>;

/**
 * Publishes the records that the broker takes, in one transaction. The keys of those that it refuses
 * stop.
 *
 * @param checkpoint as it is committed now
 * @param nextOf the one that is committed with the records
 * @throws RecordTooLarge where too many keys are stopped.
 */
export async function publishTaken(
  { publisher, hashing, onStopped }: Publishing,
  records: readonly TopicRecord[],
  checkpoint: PublisherCheckpoint,
  nextOf: (stopped: readonly StoppedKey[]) => PublisherCheckpoint,
): Promise<PublisherCheckpoint> {
  const refused = new Map<TopicRecord, string>();
  for (;;) {
    const { sent, stopped } = sift(records, checkpoint.stopped, refused, hashing);
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

/** What is sent of the records, and which keys are stopped then. */
function sift(
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

/** All models share the topic of anomalies; of a tombstone there nobody knows whose it was. */
function modelOf(topic: Topic, value: string | null): ModelName | null {
  if (topic !== "anomalies") return modelName.parse(topic);
  return value === null ? null : modelName.parse(JSON.parse(value).model);
}

/** State keys of a model that are stopped, as what is published again is told from. */
export function stoppedStates(
  stopped: readonly StoppedKey[],
  model: ModelName,
): readonly StoppedSubject[] {
  return stopped
    .filter((one) => one.model === model)
    .map((one) => ({ subject: nameOf(one), position: one.position }));
}

type Retry = Publishing & Readonly<{ stream: EventStream; limits: TransactionLimits }>;

/** Publishes the facts that have waited, as far as the broker takes them now. */
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
    const records = page.flatMap((event) => next(event, waiting, publishing.hashing, ledger));
    if (records.length === 0 && after < end) continue;
    const others = current.stopped.filter(({ topic }) => topic !== FACT_TOPIC);
    const refused = current.stopped.filter(
      ({ topic, key }) => topic === FACT_TOPIC && !waiting.has(key),
    );
    const before = { ...current, stopped: [...others, ...refused] };
    current = await publishTaken(publishing, records, before, (stopped) => {
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

/** The message of an event whose subject waits, with the number that it was given first. */
function next(
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

/**
 * A subject whose event a model cannot project stops there, and goes on once a corrected program
 * runs. What its events change then lies behind what has been published, so it is published again.
 */
export interface StoppedWatch {
  /** Whether a stopped subject has gone on since. */
  isDue(model: ModelName): boolean;
  /**
   * Notes which subjects are stopped now.
   *
   * @returns the checkpoint's `republishFrom` from here on.
   */
  note(model: ModelName, found: Found): PublishedModel["republishFrom"];
  /** What is projected has been published again; subjects that are still stopped stay noted. */
  finish(model: ModelName, stopped: readonly StoppedSubject[]): PublishedModel["republishFrom"];
}

type Found = Readonly<{
  republishFrom: PublishedModel["republishFrom"];
  /** Subjects that are stopped at positions that have been published. */
  stopped: readonly StoppedSubject[];
  /** Where subjects had stopped that are known to have gone on. */
  resumed: readonly number[];
}>;

/** @param models as they were published last: what has gone on since then cannot be known, so all is due. */
export function watchStopped(models: PublisherCheckpoint["models"]): StoppedWatch {
  const due = new Set(modelName.options.filter((model) => models[model].republishFrom !== null));
  const seen = new Map<ModelName, ReadonlySet<string>>();

  /** Replaces what was noted. @returns whether a noted subject is not stopped any more. */
  function remember(model: ModelName, stopped: readonly StoppedSubject[]): boolean {
    const before = seen.get(model) ?? new Set<string>();
    const now = new Set(stopped.map(({ subject, position }) => `${position}:${subject}`));
    seen.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  return {
    isDue: (model) => due.has(model),
    note(model, { republishFrom, stopped, resumed }) {
      if (remember(model, stopped) || resumed.length > 0) due.add(model);
      const pending = due.has(model) && republishFrom !== null ? [republishFrom] : [];
      return least([...stopped.map(({ position }) => position), ...resumed, ...pending]);
    },
    finish(model, stopped) {
      due.delete(model);
      remember(model, stopped);
      return least(stopped.map(({ position }) => position));
    },
  };
}

/** The next checkpoint, with what a batch shows of stopped subjects. */
export function withStopped(
  next: PublisherCheckpoint,
  watch: StoppedWatch,
  { changes, stopped }: Pick<Batch, "changes" | "stopped">,
): PublisherCheckpoint {
  return modelName.options.reduce((checkpoint, model) => {
    const { republishFrom } = checkpoint.models[model];
    const found = {
      republishFrom,
      stopped: [
        ...(stopped[model] ?? []).filter(({ position }) => position <= next.position),
        ...stoppedStates(next.stopped, model),
      ],
      resumed: resumedIn(changes, model),
    };
    return withModel(checkpoint, model, { republishFrom: watch.note(model, found) });
  }, next);
}

/** Where subjects had stopped whose anomaly the changes close. */
function resumedIn(changes: readonly Change[], model: ModelName): readonly number[] {
  return changes
    .filter(({ source, id }) => source.model === model && id.startsWith("stopped:"))
    .map(({ value }) => JSON.parse(value ?? "null") as AnomalyRecord | null)
    .filter((anomaly) => anomaly !== null && anomaly.closed_position !== null)
    .map((anomaly) => Number(anomaly?.opened_position));
}

function least(positions: readonly number[]): number | null {
  return positions.reduce<number | null>(
    (before, position) => (before === null || position < before ? position : before),
    null,
  );
}
