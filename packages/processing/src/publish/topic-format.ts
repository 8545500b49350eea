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

type FactPlace = Readonly<{
  ledger: string;
  keySequence: number;
  /** Of the delivery that it follows from. */
  traceparent?: string | undefined;
}>;

/** A fact as a message: the record of `/v1/events`, keyed by its subject. */
export function factMessage(
  event: RecordedEvent,
  { ledger, keySequence, traceparent }: FactPlace,
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
  /** The record as JSON; null where it was removed. */
  value: string | null;
}>;

/** The position of the stream that a state belongs to, and the generation of its model. */
type Provenance = Readonly<{
  ledger: string;
  position: number;
  recordedAt: Nanos;
  generation: number;
  /** Of the delivery that changed it last. */
  traceparent?: string | undefined;
}>;

/** A state as a message: the record of the HTTP interface, or a tombstone. */
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

/** How far a ledger has been published; it is committed with what was published, in one transaction. */
export type PublisherCheckpoint = Readonly<{
  ledger: string;
  /** 0 before the first event. */
  position: number;
  /** The hash of the event there; "" at position 0. */
  hash: string;
  models: Readonly<Record<ModelName, PublishedModel>>;
  /** Keys whose records the broker does not take. */
  stopped: readonly StoppedKey[];
  /** The size of the last signed head that was published; 0 before the first. */
  heads: number;
}>;

/** The rows of a model that the published records were made of. */
export type PublishedModel = Readonly<{
  generation: number;
  /** Of the model; null while none of its rows has been published. */
  version: number | null;
  /**
   * A subject of the model stopped here: what changes from this position on is published again once
   * its events have been projected; null where none has stopped. Stored as `mendFrom`.
   */
  republishFrom: number | null;
}>;

/**
 * A key whose record the broker does not take. Of facts it and those after it wait, so that their
 * order stays; of states a later record may be smaller, and takes its place. Stored in the
 * checkpoint, tried again whenever a publisher opens, since limits are raised in between.
 */
export type StoppedKey = Readonly<{
  topic: Topic;
  /** Its `subjectName`. */
  key: string;
  /** That of the first record that was refused, or somewhat before it. */
  position: number;
  /** Of a fact, its number among those of its subject; else 0. */
  sequence: number;
  /** Whose state it is; null for a fact. */
  model: ModelName | null;
}>;

/** The format of the checkpoint's text: 2 where keys are stopped, which 1 did not know. */
const FORMAT = 2;

/** Nothing is published; generation 1 of every model is live without an activation. */
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

/** The checkpoint with something changed of one model. */
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
  // A program that knows nothing of heads hands this on as it is.
  const rest = heads === 0 ? published : { ...published, heads };
  if (stopped.length === 0) return JSON.stringify({ format: 1, ...rest, models });
  return JSON.stringify({ format: FORMAT, ...rest, models, stopped });
}

/**
 * @param text null where nobody has published yet.
 * @throws FormatTooNew, LedgerMismatch where another program or another ledger wrote it.
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
  // A model that came with a later program has not been published yet.
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
