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
} from "../kafka.ts";
import { treeHead } from "../tree-head.ts";
import {
  FACT_DESCRIPTIONS,
  FACT_TYPES,
  factSchema,
  type JsonSchema,
  jsonSchemaOf,
} from "./schema-documents.ts";

type Json = Readonly<Record<string, unknown>>;

const KAFKA = { bindingVersion: "0.5.0" };
const STATE_NAMES = Object.keys(STATE_TOPICS) as readonly StateTopic[];
const TOPICS: readonly Topic[] = [FACT_TOPIC, ...STATE_NAMES, HEAD_TOPIC];

/**
 * The topics as an AsyncAPI 3.0 document, from the side of whoever publishes: Counterfoil sends.
 */
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
    operations: Object.fromEntries(TOPICS.map(sending)),
    components: {
      messages: { ...factMessages(), ...stateMessages(), ...headMessages() },
      schemas: schemas(),
    },
  };
}

const DESCRIPTION = [
  "What the ledger recorded, and what its read models say, as CloudEvents 1.0 in binary mode.",
  "Consumers must read committed transactions only (isolation.level=read_committed): what an aborted one left behind is not true.",
  "Leave out headers, fields and facts that you do not know; they may be added within v1.",
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
      "Every fact, kept for ever, in the stream's order for each key. The key is the event's subject; counterfoil_key_sequence is dense for each key. `data` is in the version that schema_version names.",
    settings: { "cleanup.policy": ["delete"], "retention.ms": -1 },
  });
}

function stateChannel(name: StateTopic): Json {
  const { changed, removed } = STATE_TOPICS[name];
  return channel(name, [changed, removed], {
    description:
      "The last record of every id; the key is the id. No payload (a tombstone): there is no such record any more. Of two records of one key the one with the greater counterfoil_position is newer.",
    settings: { "cleanup.policy": ["compact"] },
  });
}

function headChannel(): Json {
  return channel(HEAD_TOPIC, [HEAD_SIGNED], {
    description:
      "Signed tree heads, in the order of their sizes, each size once; the key is the size. Whoever keeps one can have proven later that nothing before it was altered, removed or added. One partition.",
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

const sending = (topic: Topic): [string, Json] => [
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
      [removed, message(removed, "There is no record of this id any more.", gone)],
    ];
  });
  return Object.fromEntries(messages);
}

const headMessages = (): Json => ({
  [HEAD_SIGNED]: message(HEAD_SIGNED, "The ledger up to a position, in one signature.", {
    headers: ref("schemas", "HeadHeaders"),
    payload: ref("schemas", "TreeHead"),
  }),
});

/** `ce_type` of a message is its name. */
function message(name: string, summary: string, parts: Json): Json {
  const key = { type: "string", minLength: 1 };
  return { name, title: name, summary, ...parts, bindings: { kafka: { ...KAFKA, key } } };
}

const ref = (kind: "messages" | "schemas", name: string): Json => ({
  $ref: `#/components/${kind}/${name}`,
});

/** Every schema under its own name; what several share stands there once. */
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

/** What a schema holds, and where it has a name here, the schema itself. */
function hoisted({ $defs, $schema: _, ...schema }: JsonSchema, name?: string): Json {
  const all = { ...($defs as Json), ...(name === undefined ? {} : { [name]: schema }) };
  return JSON.parse(JSON.stringify(all).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
