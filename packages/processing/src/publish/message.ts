import type { TreeHead } from "@counterfoil/contracts/audit";
import {
  FACT_TOPIC,
  type FactHeaders,
  HEAD_SIGNED,
  HEAD_TOPIC,
  type HeadHeaders,
  STATE_TOPICS,
  type StateHeaders,
  type StateTopic,
} from "@counterfoil/contracts/kafka";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, type Nanos, timeOf } from "@counterfoil/core/exact/time";
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
