import { type TreeHead, treeHead } from "@counterfoil/contracts/audit";
import {
  FACT_TOPIC,
  factHeaders,
  HEAD_TOPIC,
  headHeaders,
  STATE_TOPICS,
  type StateOf,
  type StateTopic,
  stateHeaders,
  type Topic,
} from "@counterfoil/contracts/kafka";
import { type EventRecord, eventRecord } from "@counterfoil/contracts/record";
import type { z } from "zod";

/** A message of a Kafka client, its bytes decoded as text. */
export type RawMessage = Readonly<{
  topic: Topic;
  partition: number;
  offset: string;
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** The place of a message on its topic, and its trace (W3C), if it has one. */
export type Origin = Readonly<{
  topic: Topic;
  partition: number;
  offset: string;
  traceparent?: string;
}>;

/** One event of the ledger, as `/v1/events` returns it. */
export type Fact = Readonly<{
  kind: "fact";
  /** The event's subject: the account, deposit, trade … that it is about. */
  key: string;
  /** 1, 2, 3 … for each key. */
  keySequence: number;
  ledger: string;
  /** The event's position on the ledger's stream. */
  position: number;
  event: EventRecord;
  origin: Origin;
}>;

/** A record as a state topic has it: its present state, or its removal. */
export type State<Name extends StateTopic = StateTopic> = {
  [Topic in Name]: Readonly<{
    kind: "state";
    topic: Topic;
    /** The record's id. */
    key: string;
    ledger: string;
    /** Of two states of one key the one with the greater position is newer. */
    position: number;
    /** The generation of the read model that it comes from. */
    generation: number;
    /** null: removed. */
    record: StateOf<Topic> | null;
    origin: Origin;
  }>;
}[Name];

/** A signed tree head: store it where the operator of the ledger cannot change it. */
export type SignedHead = Readonly<{
  kind: "head";
  /** The head's size. */
  key: string;
  ledger: string;
  position: number;
  /** Its signature is not checked here. */
  head: TreeHead;
  origin: Origin;
}>;

export type Message = Fact | SignedHead | State;

/** A message that breaks the contract; it is never passed to `onFact`, `onChange` or `onHead`. */
export class MessageInvalid extends Error {
  override readonly name = "MessageInvalid";
  readonly origin: Origin;

  constructor(origin: Origin, problem: string) {
    const { topic, partition, offset } = origin;
    super(
      `${topic}, partition ${partition}, offset ${offset}: ${problem}; is this topic Counterfoil's, and is this kit as new as the publisher?`,
    );
    this.origin = origin;
  }
}

/**
 * Validates a message against its contract. Unknown fields and headers are dropped.
 *
 * @throws MessageInvalid
 */
export function parseMessage(raw: RawMessage): Message {
  if (raw.topic === HEAD_TOPIC) return parseHead(raw);
  return raw.topic === FACT_TOPIC ? parseFact(raw) : parseState(raw, raw.topic);
}

function parseFact(raw: RawMessage): Fact {
  const headers = parsed(raw, "headers", factHeaders, raw.headers);
  const event = parsed(raw, "value", eventRecord, json(raw));
  return {
    kind: "fact",
    key: raw.key,
    keySequence: Number(headers.counterfoil_key_sequence),
    ledger: headers.counterfoil_ledger,
    position: Number(headers.counterfoil_position),
    event,
    origin: originOf(raw),
  };
}

function parseHead(raw: RawMessage): SignedHead {
  const headers = parsed(raw, "headers", headHeaders, raw.headers);
  return {
    kind: "head",
    key: raw.key,
    ledger: headers.counterfoil_ledger,
    position: Number(headers.counterfoil_position),
    head: parsed(raw, "value", treeHead, json(raw)),
    origin: originOf(raw),
  };
}

function parseState(raw: RawMessage, topic: StateTopic): State {
  const headers = parsed(raw, "headers", stateHeaders, raw.headers);
  const { record: schema } = STATE_TOPICS[topic];
  const record = raw.value === null ? null : parsed(raw, "value", schema, json(raw));
  return {
    kind: "state",
    topic,
    key: raw.key,
    ledger: headers.counterfoil_ledger,
    position: Number(headers.counterfoil_position),
    generation: Number(headers.counterfoil_generation),
    record,
    origin: originOf(raw),
  } as State;
}

const originOf = ({ topic, partition, offset, headers }: RawMessage): Origin => {
  const { ce_traceparent: traceparent } = headers;
  return { topic, partition, offset, ...(traceparent !== undefined && { traceparent }) };
};

function json(raw: RawMessage): unknown {
  try {
    return JSON.parse(raw.value ?? "null");
  } catch {
    throw new MessageInvalid(originOf(raw), "the value is not JSON");
  }
}

function parsed<Schema extends z.ZodType>(
  raw: RawMessage,
  part: string,
  schema: Schema,
  found: unknown,
): z.infer<Schema> {
  const result = schema.safeParse(found);
  if (result.success) return result.data;
  // Lists of words grow: a word that is newer than this kit is passed on unchanged.
  const isLaterWord = ({ code, path }: z.core.$ZodIssue) =>
    code === "invalid_value" && typeof valueAt(found, path) === "string";
  if (part === "value" && result.error.issues.every(isLaterWord)) return found as z.infer<Schema>;
  // The error names the field and the problem, never the value, which may be personal data.
  const [issue] = result.error.issues;
  throw new MessageInvalid(
    originOf(raw),
    `${part} ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`,
  );
}

function valueAt(found: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Readonly<Record<PropertyKey, unknown>> | null)?.[name],
    found,
  );
}
