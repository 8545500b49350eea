import { z } from "zod";
import { anomalyRecord } from "./operations-record.ts";
import { balanceRecord, depositRecord, tradeRecord, withdrawalRecord } from "./record.ts";
import { instant, position, traceparent } from "./scalar.ts";

/**
 * Topics, headers and keys of the messages on Kafka. Every message is a CloudEvent 1.0 in binary mode,
 * so each attribute is a separate header and every header is text.
 *
 * Readers ignore what they do not know: headers, fields and types of facts may be added.
 */

/**
 * The version of all topics. A change that breaks readers needs topics of a new version beside
 * these.
 */
export const TOPIC_VERSION = "v1";

/** The facts: one `eventRecord` each, `data` as stored. Key: the event's subject. */
export const FACT_TOPIC = "events";

/**
 * The compacted topics: the last record of every id, or `null` (a tombstone) after its removal. Key:
 * the record's id. `changed` and `removed` are the `ce_type` of the two.
 */
export const STATE_TOPICS = {
  balances: { record: balanceRecord, changed: "BalanceChanged", removed: "BalanceRemoved" },
  withdrawals: {
    record: withdrawalRecord,
    changed: "WithdrawalChanged",
    removed: "WithdrawalRemoved",
  },
  deposits: { record: depositRecord, changed: "DepositChanged", removed: "DepositRemoved" },
  trades: { record: tradeRecord, changed: "TradeChanged", removed: "TradeRemoved" },
  anomalies: { record: anomalyRecord, changed: "AnomalyChanged", removed: "AnomalyRemoved" },
} as const;

/**
 * Signed heads of the ledger, each size once: a reader who keeps them can verify the ledger later.
 */
export const HEAD_TOPIC = "heads";
/** The `ce_type` of every signed head. */
export const HEAD_SIGNED = "HeadSigned";

export type StateTopic = keyof typeof STATE_TOPICS;
export type Topic = typeof FACT_TOPIC | typeof HEAD_TOPIC | StateTopic;
export const TOPICS: readonly Topic[] = [
  FACT_TOPIC,
  ...(Object.keys(STATE_TOPICS) as StateTopic[]),
  HEAD_TOPIC,
];

/** The record on a state topic. */
export type StateOf<Name extends StateTopic> = z.infer<(typeof STATE_TOPICS)[Name]["record"]>;

/** The topic's name on the broker, such as `counterfoil.balances.v1`. */
export function topicName(prefix: string, topic: Topic): string {
  return `${prefix}.${topic}.${TOPIC_VERSION}`;
}

const count = z.string().regex(/^[1-9]\d*$/);

const common = {
  ce_specversion: z.literal("1.0"),
  ce_source: z
    .string()
    .regex(/^\/counterfoil\/[a-z][a-z0-9-]{0,39}$/)
    .meta({ description: "/counterfoil/<ledger>" }),
  ce_time: instant.meta({ description: "When the event at counterfoil_position was recorded" }),
  "content-type": z.literal("application/json"),
  counterfoil_ledger: z.string().meta({ description: "Name of the ledger" }),
  ce_traceparent: traceparent.exactOptional().meta({
    description:
      "W3C trace context of the delivery that caused this (CloudEvents' distributed tracing extension); only where the delivery was traced",
  }),
};

/** Headers of a fact. */
export const factHeaders = z.object({
  ...common,
  ce_id: z.string().meta({ description: "The event's id; it never changes" }),
  ce_type: z.string().meta({ description: "The event's type; ignore types that you do not know" }),
  ce_subject: z.string().meta({ description: "The event's subject, which is also the key" }),
  counterfoil_position: position.meta({ description: "The event's position on the stream" }),
  counterfoil_key_sequence: count.meta({
    description: "1, 2, 3 … for each key: a number seen before is a repeat, a skipped number a gap",
  }),
});

export type FactHeaders = Readonly<z.infer<typeof factHeaders>>;

/** Headers of a record, or of its tombstone, on a state topic. */
export const stateHeaders = z.object({
  ...common,
  ce_id: z
    .string()
    .meta({ description: "<topic>:<key>:<counterfoil_generation>:<counterfoil_position>" }),
  ce_type: z.string().meta({ description: "Whether the record changed or was removed" }),
  ce_subject: z.string().meta({ description: "The record's id, which is also the key" }),
  counterfoil_position: position.meta({
    description: "Of two records of one key the one with the greater position is newer",
  }),
  counterfoil_generation: count.meta({
    description: "Generation of the read model that the record comes from",
  }),
});

export type StateHeaders = Readonly<z.infer<typeof stateHeaders>>;

/** Headers of a signed head. */
export const headHeaders = z.object({
  ...common,
  ce_id: z.string().meta({ description: "<tree_size>:<root>" }),
  ce_type: z.literal(HEAD_SIGNED),
  ce_subject: position.meta({ description: "The head's tree_size, which is also the key" }),
  ce_time: instant.meta({ description: "When it was signed" }),
  counterfoil_position: position.meta({ description: "The last position that it is over" }),
});

export type HeadHeaders = Readonly<z.infer<typeof headHeaders>>;
