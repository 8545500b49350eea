import type { TreeHead } from "@counterfoil/contracts/audit";
import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import {
  FACT_TOPIC,
  type FactHeaders,
  HEAD_SIGNED,
  HEAD_TOPIC,
  type HeadHeaders,
  STATE_TOPICS,
  type StateHeaders,
  type StateTopic,
  type Topic,
} from "@counterfoil/contracts/kafka";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, type Nanos, timeOf } from "@counterfoil/core/exact/time";
import { FormatTooNew, LedgerMismatch } from "../ports/errors.ts";
import type { TopicRecord } from "../ports/topics.ts";
import { eventRecord } from "../queries/events.ts";

type FactContext = Readonly<{
  ledger: string;
  keySequence: number;
  /** The trace of the fact's delivery. */
  traceparent?: string | undefined;
}>;

/** A fact as a message: the record of `/v1/events`, keyed by its subject. */
export function factMessage(
  event: RecordedEvent,
  { ledger, keySequence, traceparent }: FactContext,
): TopicRecord {
  const { id, type, subject, position, recorded_at } = event;
  const headers: FactHeaders = {
    ...commonHeaders(ledger, recorded_at, traceparent),
    ce_id: id,
    ce_type: type,
    ce_subject: subject,
    counterfoil_position: String(position),
    counterfoil_key_sequence: String(keySequence),
  };
  return { topic: FACT_TOPIC, key: subject, value: JSON.stringify(eventRecord(event)), headers };
}

/** A signed head as a message, keyed by its size. */
export function headMessage(head: TreeHead): TopicRecord {
  const { ledger, position, tree_size, root, signed_at } = head;
  const headers: HeadHeaders = {
    ...commonHeaders(ledger, timeOf(signed_at), undefined),
    ce_id: `${tree_size}:${root}`,
    ce_type: HEAD_SIGNED,
    ce_subject: tree_size,
    counterfoil_position: position,
  };
  return { topic: HEAD_TOPIC, key: tree_size, value: JSON.stringify(head), headers };
}

/** The new state of a key of a state topic. */
export type StateChange = Readonly<{
  topic: StateTopic;
  key: string;
  /** The record as JSON; null if it was removed. */
  value: string | null;
}>;

/** The position of the stream that a state belongs to, and the generation of its model. */
type Provenance = Readonly<{
  ledger: string;
  position: number;
  recordedAt: Nanos;
  generation: number;
  /** The trace of the last delivery that changed it. */
  traceparent?: string | undefined;
}>;

/** A state as a message: the record of the HTTP API, or a tombstone. */
export function stateMessage(
  { topic, key, value }: StateChange,
  { ledger, position, recordedAt, generation, traceparent }: Provenance,
): TopicRecord {
  const { changed, removed } = STATE_TOPICS[topic];
  const headers: StateHeaders = {
    ...commonHeaders(ledger, recordedAt, traceparent),
    ce_id: `${topic}:${key}:${generation}:${position}`,
    ce_type: value === null ? removed : changed,
    ce_subject: key,
    counterfoil_position: String(position),
    counterfoil_generation: String(generation),
  };
  return { topic, key, value, headers };
}

function commonHeaders(ledger: string, time: Nanos, traceparent: string | undefined) {
  return {
    ce_specversion: "1.0",
    ce_source: `/counterfoil/${ledger}`,
    ce_time: formatTime(time),
    "content-type": "application/json",
    counterfoil_ledger: ledger,
    ...(traceparent !== undefined && { ce_traceparent: traceparent }),
  } as const;
}

/** The published position of a ledger, committed in the same transaction as the messages. */
export type PublisherCheckpoint = Readonly<{
  ledger: string;
  /** 0 before the first event. */
  position: number;
  /** The hash of the event at the position; "" at position 0. */
  hash: string;
  models: Readonly<Record<ModelName, PublishedModel>>;
  /** Keys with records that the broker refuses. */
  stopped: readonly StoppedKey[];
  /** The tree size of the last published signed head; 0 before the first. */
  heads: number;
}>;

/** The generation of a model from which its records were published. */
export type PublishedModel = Readonly<{
  generation: number;
  /** The model's version; null until one of its rows has been published. */
  version: number | null;
  /**
   * The lowest position at which a subject of the model stopped; null if none has. Changes from it on
   * are republished once the subject's events have been projected. Stored as `mendFrom`.
   * `REPUBLISH_ALL`: the records of a topic were lost, so all are republished.
   */
  republishFrom: number | null;
}>;

/** Below the first position. */
export const REPUBLISH_ALL = 0;

/**
 * A key with a record that the broker refuses. A fact and the facts after it wait, so that their order
 * is kept; a state is replaced by a later one, which may be smaller. Stopped keys are stored in the
 * checkpoint and retried whenever a publisher opens, because the limits may have been raised.
 */
export type StoppedKey = Readonly<{
  topic: Topic;
  /** The `subjectName` of the key. */
  key: string;
  /** The position of the first refused record, or a lower one. */
  position: number;
  /** The number of a fact among those of its subject; otherwise 0. */
  sequence: number;
  /** The model of a state; null for a fact. */
  model: ModelName | null;
}>;

/** The format of the checkpoint's text. Format 2 adds stopped keys; without any, format 1 is written. */
const FORMAT = 2;

/** The checkpoint before the first event: generation 1 of every model is live without an activation. */
export function firstCheckpoint(ledger: string): PublisherCheckpoint {
  const first: PublishedModel = { generation: 1, version: null, republishFrom: null };
  const models = Object.fromEntries(modelName.options.map((model) => [model, first]));
  return {
    ledger,
    position: 0,
    hash: "",
    models: models as PublisherCheckpoint["models"],
    stopped: [],
    heads: 0,
  };
}

/** The checkpoint with changes to one model. */
export function withModel(
  checkpoint: PublisherCheckpoint,
  model: ModelName,
  changed: Partial<PublishedModel>,
): PublisherCheckpoint {
  const now = { ...checkpoint.models[model], ...changed };
  return { ...checkpoint, models: { ...checkpoint.models, [model]: now } };
}

export function formatCheckpoint(checkpoint: PublisherCheckpoint): string {
  const { stopped, heads, ...published } = checkpoint;
  const models = mapModels(checkpoint.models, toStored);
  // An older program without heads keeps this field unchanged.
  const rest = heads === 0 ? published : { ...published, heads };
  if (stopped.length === 0) return JSON.stringify({ format: 1, ...rest, models });
  return JSON.stringify({ format: FORMAT, ...rest, models, stopped });
}

/**
 * @param text null if nothing was published yet
 * @throws FormatTooNew if a newer program wrote it, LedgerMismatch if it belongs to another ledger
 */
export function parseCheckpoint(text: string | null, ledger: string): PublisherCheckpoint {
  if (text === null) return firstCheckpoint(ledger);
  const {
    format,
    models,
    stopped = [],
    heads = 0,
    ...found
  } = JSON.parse(text) as StoredCheckpoint;
  if (format > FORMAT) {
    throw new FormatTooNew(
      `the publisher's checkpoint has format ${format}, and this program knows none above ${FORMAT}: run the newer program that wrote it`,
    );
  }
  if (found.ledger !== ledger) {
    throw new LedgerMismatch(
      `the topics hold ledger "${found.ledger}", expected "${ledger}": give each ledger a topic prefix of its own`,
    );
  }
  const known = mapModels(models, fromStored);
  // A model added by a later program has not been published yet.
  return { ...found, models: { ...firstCheckpoint(ledger).models, ...known }, stopped, heads };
}

type StoredModel = Omit<PublishedModel, "republishFrom"> &
  Readonly<{ mendFrom: PublishedModel["republishFrom"] }>;

type StoredCheckpoint = Omit<PublisherCheckpoint, "models" | "stopped" | "heads"> &
  Readonly<{
    format: number;
    models: Readonly<Record<ModelName, StoredModel>>;
    stopped?: readonly StoppedKey[];
    heads?: number;
  }>;

const toStored = ({ republishFrom: mendFrom, ...model }: PublishedModel): StoredModel => ({
  ...model,
  mendFrom,
});

const fromStored = ({ mendFrom: republishFrom, ...model }: StoredModel): PublishedModel => ({
  ...model,
  republishFrom,
});

function mapModels<From, To>(models: Readonly<Record<ModelName, From>>, change: (one: From) => To) {
  const changed = Object.entries(models).map(([model, one]) => [model, change(one as From)]);
  return Object.fromEntries(changed) as Record<ModelName, To>;
}
