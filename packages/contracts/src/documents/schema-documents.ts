import { z } from "zod";
import { deliveryRecord } from "../delivery-record.ts";
import { FACTS, type FactType } from "../fact.ts";
import { problemDocument } from "../http.ts";
import { factHeaders, stateHeaders } from "../kafka.ts";
import {
  anomalyRecord,
  quarantinedRecord,
  rebuildProgress,
  statusRecord,
} from "../operations-record.ts";
import {
  balanceRecord,
  depositRecord,
  entryRecord,
  eventRecord,
  runRecord,
  tradeRecord,
  withdrawalRecord,
} from "../record.ts";
import { BYTES_MAX, GROWING } from "../scalar.ts";

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

export const FACT_TYPES = Object.keys(FACTS) as readonly FactType[];

/**
 * An event of one type: the record of every event, and what `data` is in this one. It gets no id,
 * which zod would keep for the whole process: other documents would hold it then.
 */
export function factSchema(type: FactType): JsonSchema {
  const data = FACTS[type] as z.ZodType;
  const schema = jsonSchemaOf(eventRecord.extend({ type: z.literal(type), data }));
  return { title: type, description: FACT_DESCRIPTIONS[type], ...schema };
}

/**
 * One JSON Schema of 2020-12 a fact, a record and a set of headers, by path. Each stands by itself.
 */
export function schemaDocuments(): ReadonlyMap<string, JsonSchema> {
  return new Map([
    ...FACT_TYPES.map((type) => document(`facts/${type}`, factSchema(type))),
    ...Object.entries(RECORDS).map(([name, record]) =>
      document(`records/${name}`, jsonSchemaOf(record)),
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
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Writes a schema down for strangers. Their validators must let pass what we may add within a
 * version: fields everywhere, and words where `growing` says so.
 *
 * @returns a schema that refers to nothing outside itself.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: "draft-2020-12", override: keepOpen }) as JsonSchema;
}

/** An `override` of `z.toJSONSchema`; it changes the schema that was written. */
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

/** Prints JSON the same way every time: keys sorted, two spaces, a newline at the end. */
export function printStable(value: unknown): string {
  return `${JSON.stringify(value, (_key, each) => (isObject(each) ? sorted(each) : each), 2)}\n`;
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function sorted(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What each fact says, in one sentence, for those who read the generated documents. */
export const FACT_DESCRIPTIONS: Readonly<Record<FactType, string>> = {
  LedgerOpened: "The ledger begins; always at position 1.",
  ForeignEvent: "Another client wrote this into the stream, and nobody can take it out again.",
  DeliveryReceived: "Bytes of a provider were taken in: a webhook, a frame of the feed, a page.",
  DeliveryDivided: "The delivery's facts take several appends.",
  DeliveryCompleted: "Every fact of a divided delivery, or of a snapshot, is recorded.",
  DeliveryQuarantined: "Nobody could read the delivery; its bytes are kept.",
  QuarantineRetried: "A quarantined delivery was read again.",
  RunRecorded: "A run of the provider's: a set of movements that happened together.",
  MovementRecorded: "An amount moved on an account.",
  BalanceReported: "The provider stated a balance, after a run or in a snapshot.",
  FundsReported: "Layer1 stated the balance of one kind of funds of an address.",
  DepositStatusReported: "The provider stated where a deposit stands.",
  WithdrawalStatusReported: "The provider stated where a withdrawal stands.",
  PaymentStatusReported: "The provider stated where a payment stands.",
  FundReported: "The provider stated what became of a fund event.",
  TradeStatusReported: "The provider stated where a trade stands.",
  NotificationRecorded: "A notification of a known kind that no read model folds.",
  FeedOpened: "A connection to the provider's feed was opened.",
  FeedClosed: "A connection to the provider's feed ended.",
  SnapshotCompleted: "Every frame of a connection's snapshot is recorded.",
  SocketOrderRecorded: "What sockets said of the order of runs is recorded for an older ledger.",
  FactSeen: "A later copy of a fact added something to it.",
  FactContradicted: "A later copy of a fact says otherwise; the first stays in force.",
  FactCorrected: "A better translation of the same bytes takes the fact's place.",
  FactWithdrawn: "Under a better translation its delivery says no such thing.",
  OperatorActed: "Somebody started a rebuild, a rollback, a retranslation or a retry.",
  AnomalyAcknowledged: "Somebody knows of the anomaly, as it was, and says what is done about it.",
  QuarantineDismissed: "Somebody says why the quarantined delivery needs nobody any more.",
  BodyErased: "The bytes of a delivery are stored no more, nor ever again; its facts stay.",
  HeadKeyRotated: "Another key signs the ledger's heads from here on.",
  ModelActivated: "A generation of a read model is live from here on.",
  ApiKeyCreated: "An API key came into force; its secret is nowhere on the stream.",
  ApiKeyRevoked: "An API key opens nothing any more.",
};
