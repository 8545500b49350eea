import { z } from "zod";
import { deliveryRecord, treeHead } from "./audit.ts";
import { COMMAND_RECORDS } from "./command-record.ts";
import { FACTS, type FactType } from "./fact.ts";
import { problemDocument } from "./http.ts";
import {
  FACT_TOPIC,
  factHeaders,
  HEAD_SIGNED,
  HEAD_TOPIC,
  headHeaders,
  STATE_TOPICS,
  type StateTopic,
  stateHeaders,
  type Topic,
  topicName,
} from "./kafka.ts";
import {
  anomalyRecord,
  quarantinedRecord,
  rebuildProgress,
  statusRecord,
} from "./operations-record.ts";
import {
  balanceRecord,
  depositRecord,
  entryRecord,
  eventRecord,
  runRecord,
  tradeRecord,
  withdrawalRecord,
} from "./record.ts";
import { BYTES_MAX, GROWING } from "./scalar.ts";

const RECORDS: Readonly<Record<string, z.ZodType>> = {
  anomaly: anomalyRecord,
  balance: balanceRecord,
  delivery: deliveryRecord,
  deposit: depositRecord,
  entry: entryRecord,
  event: eventRecord,
  problem: problemDocument,
  "quarantined-delivery": quarantinedRecord,
  "rebuild-progress": rebuildProgress,
  run: runRecord,
  status: statusRecord,
  trade: tradeRecord,
  withdrawal: withdrawalRecord,
};

const HEADERS: Readonly<Record<string, z.ZodType>> = {
  "fact-headers": factHeaders,
  "state-headers": stateHeaders,
};

const FACT_TYPES = Object.keys(FACTS) as readonly FactType[];

/**
 * The schema of an event of one type: the record of every event with the schema of this type's `data`.
 * It has no id, since zod keeps ids for the whole process and would put it into other documents.
 */
function factSchema(type: FactType): JsonSchema {
  const data = FACTS[type] as z.ZodType;
  const schema = jsonSchemaOf(eventRecord.extend({ type: z.literal(type), data }));
  return { title: type, description: FACT_DESCRIPTIONS[type], ...schema };
}

/** One self-contained JSON Schema (2020-12) per fact, record, command and set of headers, by path. */
export function schemaDocuments(): ReadonlyMap<string, JsonSchema> {
  return new Map([
    ...FACT_TYPES.map((type) => document(`facts/${type}`, factSchema(type))),
    ...Object.entries(RECORDS).map(([name, record]) =>
      document(`records/${name}`, jsonSchemaOf(record)),
    ),
    ...Object.entries(COMMAND_RECORDS).map(([name, record]) =>
      document(`commands/${name.replaceAll(/[ -]+/g, "-")}`, jsonSchemaOf(record)),
    ),
    ...Object.entries(HEADERS).map(([name, headers]) =>
      document(`headers/${name}`, jsonSchemaOf(headers)),
    ),
  ]);
}

function document(name: string, schema: JsonSchema): readonly [string, JsonSchema] {
  const $id = `urn:counterfoil:schema:v1:${name.replace("/", ":")}`;
  return [`${name}.schema.json`, { $id, ...schema }];
}

/** A JSON Schema of 2020-12, as plain JSON. */
type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The published form of a schema. Readers' validators must accept what a version may add: fields
 * everywhere, and words in lists marked as growing.
 *
 * @returns a schema that refers to nothing outside itself
 */
function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: "draft-2020-12", override: keepOpen }) as JsonSchema;
}

/** An `override` for `z.toJSONSchema`; it changes the given schema. */
export function keepOpen({ jsonSchema }: Readonly<{ jsonSchema: Record<string, unknown> }>): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  delete jsonSchema[BYTES_MAX];
  if (jsonSchema[GROWING] !== true) return;
  const { description, enum: words } = jsonSchema;
  delete jsonSchema[GROWING];
  delete jsonSchema.enum;
  jsonSchema.examples = words;
  jsonSchema.description = description ? `${description}; ${MORE}` : MORE;
}

const MORE = "more words may come";

/** Prints JSON deterministically: keys sorted, two spaces, a newline at the end. */
export function printStable(value: unknown): string {
  return `${JSON.stringify(value, (_key, each) => (isObject(each) ? sorted(each) : each), 2)}\n`;
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function sorted(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The description of each fact in the generated documents. */
const FACT_DESCRIPTIONS: Readonly<Record<FactType, string>> = {
  LedgerOpened: "The ledger begins; always at position 1.",
  ForeignEvent: "Another client wrote this into the stream; it cannot be removed.",
  DeliveryReceived: "Bytes of a provider were received: a webhook, a frame of the feed, a page.",
  DeliveryDivided: "The delivery's facts take several appends.",
  DeliveryCompleted: "Every fact of a divided delivery, or of a snapshot, is recorded.",
  DeliveryQuarantined: "The delivery could not be read; its bytes are kept.",
  QuarantineRetried: "A quarantined delivery was read again.",
  RunRecorded: "A run of the provider's: a set of movements that happened together.",
  MovementRecorded: "An amount moved on an account.",
  BalanceReported: "The provider stated a balance, after a run or in a snapshot.",
  FundsReported: "Layer1 stated the balance of one kind of funds of an address.",
  DepositStatusReported: "The provider stated the status of a deposit.",
  WithdrawalStatusReported: "The provider stated the status of a withdrawal.",
  PaymentStatusReported: "The provider stated the status of a payment.",
  FundReported: "The provider stated the result of a fund event.",
  TradeStatusReported: "The provider stated the status of a trade.",
  NotificationRecorded: "A notification of a known kind that no read model uses.",
  FeedOpened: "A connection to the provider's feed was opened.",
  FeedClosed: "A connection to the provider's feed ended.",
  SnapshotCompleted: "Every frame of a connection's snapshot is recorded.",
  SocketOrderRecorded: "The order of runs on sockets is recorded for an older ledger.",
  FactSeen: "A later copy of a fact added something to it.",
  FactContradicted: "A later copy of a fact contradicts it; the first stays in force.",
  FactCorrected: "A newer translation of the same bytes replaces the fact's data.",
  FactWithdrawn:
    "A newer translation does not find the fact, or an amendment of it, in its delivery.",
  OperatorActed: "A person started an action, such as a rebuild, a rollback or a retry.",
  AnomalyAcknowledged: "A person acknowledged the anomaly as it was at a position, with a note.",
  QuarantineDismissed: "A person dismissed the quarantined delivery, with a note.",
  BodyErased: "The bytes of a delivery were erased and are never stored again; its facts stay.",
  HeadKeyRotated: "Another key signs the ledger's heads from here on.",
  ModelActivated: "A generation of a read model is live from here on.",
  ApiKeyCreated: "An API key was created; its secret is never on the stream.",
  ApiKeyRevoked: "An API key was revoked.",
};

type Json = Readonly<Record<string, unknown>>;

const KAFKA = { bindingVersion: "0.5.0" };
const STATE_NAMES = Object.keys(STATE_TOPICS) as readonly StateTopic[];
const TOPICS: readonly Topic[] = [FACT_TOPIC, ...STATE_NAMES, HEAD_TOPIC];

/** The topics as an AsyncAPI 3.0 document, from the publisher's side: Counterfoil sends. */
export function asyncApiDocument(): Json {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Counterfoil",
      version: "1.0.0",
      description: DESCRIPTION,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    channels: {
      [FACT_TOPIC]: factChannel(),
      ...Object.fromEntries(STATE_NAMES.map((name) => [name, stateChannel(name)])),
      [HEAD_TOPIC]: headChannel(),
    },
    operations: Object.fromEntries(TOPICS.map(sendOperation)),
    components: {
      messages: { ...factMessages(), ...stateMessages(), ...headMessages() },
      schemas: schemas(),
    },
  };
}

const DESCRIPTION = [
  "The events of the ledger and the records of its read models, as CloudEvents 1.0 in binary mode.",
  "Consumers must read committed transactions only (isolation.level=read_committed): records of aborted transactions are invalid.",
  "Ignore headers, fields and facts that you do not know; they may be added within v1.",
  "The default ledger's topics are named counterfoil.*, those of another counterfoil.<ledger>.*.",
].join("\n");

const PREFIX = {
  prefix: {
    description: "COUNTERFOIL_KAFKA_TOPIC_PREFIX",
    default: "counterfoil",
    examples: ["counterfoil", "counterfoil.sandbox"],
  },
};

function factChannel(): Json {
  return channel(FACT_TOPIC, FACT_TYPES, {
    description:
      "Every fact, never deleted, in the stream's order for each key. The key is the event's subject; counterfoil_key_sequence is dense for each key. `data` is in the version that schema_version names.",
    settings: { "cleanup.policy": ["delete"], "retention.ms": -1 },
  });
}

function stateChannel(name: StateTopic): Json {
  const { changed, removed } = STATE_TOPICS[name];
  return channel(name, [changed, removed], {
    description:
      "The last record of every id; the key is the id. No payload (a tombstone): the record was removed. Of two records of one key the one with the greater counterfoil_position is newer.",
    settings: { "cleanup.policy": ["compact"] },
  });
}

function headChannel(): Json {
  return channel(HEAD_TOPIC, [HEAD_SIGNED], {
    description:
      "Signed tree heads, in the order of their sizes, each size once; the key is the size. Keep one to verify later that nothing before it was altered, removed or added. One partition.",
    settings: { "cleanup.policy": ["delete"], "retention.ms": -1 },
  });
}

type Channel = Readonly<{ description: string; settings: Json }>;

function channel(topic: Topic, names: readonly string[], { description, settings }: Channel): Json {
  return {
    address: topicName("{prefix}", topic),
    description,
    parameters: PREFIX,
    messages: Object.fromEntries(names.map((name) => [name, ref("messages", name)])),
    bindings: { kafka: { ...KAFKA, topicConfiguration: settings } },
  };
}

const sendOperation = (topic: Topic): [string, Json] => [
  `publish-${topic}`,
  { action: "send", channel: { $ref: `#/channels/${topic}` } },
];

function factMessages(): Json {
  const messages = FACT_TYPES.map((name) => [
    name,
    message(name, FACT_DESCRIPTIONS[name], {
      headers: ref("schemas", "FactHeaders"),
      payload: ref("schemas", name),
    }),
  ]);
  return Object.fromEntries(messages);
}

function stateMessages(): Json {
  const headers = ref("schemas", "StateHeaders");
  const messages = STATE_NAMES.flatMap((name) => {
    const { record, changed, removed } = STATE_TOPICS[name];
    const payload = ref("schemas", String(record.meta()?.id));
    const gone = { headers, payload: { type: "null" } };
    return [
      [changed, message(changed, "The record as it is now.", { headers, payload })],
      [removed, message(removed, "The record of this id was removed.", gone)],
    ];
  });
  return Object.fromEntries(messages);
}

const headMessages = (): Json => ({
  [HEAD_SIGNED]: message(HEAD_SIGNED, "One signature over the ledger up to a position.", {
    headers: ref("schemas", "HeadHeaders"),
    payload: ref("schemas", "TreeHead"),
  }),
});

/** The name of a message is its `ce_type`. */
function message(name: string, summary: string, parts: Json): Json {
  const key = { type: "string", minLength: 1 };
  return { name, title: name, summary, ...parts, bindings: { kafka: { ...KAFKA, key } } };
}

const ref = (kind: "messages" | "schemas", name: string): Json => ({
  $ref: `#/components/${kind}/${name}`,
});

/** Every schema under its own name; shared schemas are included once. */
function schemas(): Json {
  return {
    ...Object.assign({}, ...FACT_TYPES.map((type) => hoisted(factSchema(type), type))),
    ...Object.assign({}, ...STATE_NAMES.map((name) => hoisted(recordSchema(name)))),
    ...hoisted(jsonSchemaOf(treeHead), "TreeHead"),
    ...hoisted(jsonSchemaOf(headHeaders), "HeadHeaders"),
    ...hoisted(jsonSchemaOf(factHeaders), "FactHeaders"),
    ...hoisted(jsonSchemaOf(stateHeaders), "StateHeaders"),
  };
}

const recordSchema = (name: StateTopic): JsonSchema => jsonSchemaOf(STATE_TOPICS[name].record);

/** The definitions inside a schema and, under `name`, the schema itself. */
function hoisted({ $defs, $schema: _, ...schema }: JsonSchema, name?: string): Json {
  const all = { ...($defs as Json), ...(name === undefined ? {} : { [name]: schema }) };
  return JSON.parse(JSON.stringify(all).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
