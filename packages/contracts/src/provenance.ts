import { z } from "zod";
import { eventRecord } from "./record.ts";
import {
  amount,
  channel,
  growing,
  instant,
  json,
  position,
  provider,
  sha256,
  uuid,
} from "./scalar.ts";

/** When, by whom and why the bytes of a delivery were erased. */
const erasureRecord = z
  .object({ event_id: uuid, position, erased_at: instant, actor: z.string(), note: z.string() })
  .meta({ id: "Erasure" });
export type ErasureRecord = z.infer<typeof erasureRecord>;

/** A delivery with everything that it caused to be recorded. */
export const deliveryRecord = z
  .object({
    delivery_id: uuid,
    received: eventRecord,
    facts: z.array(eventRecord),
    body_url: z.string(),
    /** Null where the bytes are there; and for a platform, whose bytes they were nobody can tell. */
    erased: erasureRecord.nullable(),
  })
  .meta({ id: "Delivery" });

/**
 * What became of a delivery. `repeated`: whatever it says was known already. The same bytes sent once
 * more are no delivery of their own.
 */
export const deliveryOutcome = growing(["recorded", "repeated", "quarantined", "dismissed"]);
export type DeliveryOutcome = z.infer<typeof deliveryOutcome>;

/** A delivery as lists show it. */
export const deliverySummary = z
  .object({
    delivery_id: uuid,
    provider,
    channel,
    payload_type: z.string(),
    received_at: instant,
    outcome: deliveryOutcome,
    signature: growing(["valid", "stale", "unsigned", "none"]),
    scheme: z.string().nullable().meta({ description: "Of the signature that was checked" }),
    key_id: sha256.nullable().meta({ description: "Names the key that it was checked with" }),
    length: z
      .int()
      .nonnegative()
      .nullable()
      .meta({ description: "Bytes; null where others' facts are among them" }),
    position,
  })
  .meta({ id: "DeliverySummary" });
export type DeliverySummary = z.infer<typeof deliverySummary>;

/** An event with what was said of it later, and the delivery that it came with. */
export const eventDetail = z
  .object({
    ...eventRecord.shape,
    amendments: z
      .array(eventRecord)
      .meta({ description: "What later events say of it, in order: a page of them at most" }),
    delivery: deliverySummary.nullable().meta({ description: "null: no delivery brought it" }),
  })
  .meta({ id: "EventDetail" });
export type EventDetail = z.infer<typeof eventDetail>;

/** Why something is shown as it is: from the number to the facts, and from these to the signed bytes. */

export const EXPLAINED = [
  "balance",
  "account",
  "entry",
  "withdrawal",
  "deposit",
  "trade",
  "run",
  "anomaly",
] as const;
/** What can be explained; `account` is another word for `balance`. */
export const explainedKind = z.enum(EXPLAINED);
export type ExplainedKind = z.infer<typeof explainedKind>;

/**
 * What removing a fact from the stream does: `decides` changes what is shown, `confirms` opens a gap
 * or changes the status, the others change nothing. `superseded`: something else stands in its place.
 */
const factRole = z.enum(["decides", "confirms", "repeats", "superseded"]);
export type FactRole = z.infer<typeof factRole>;

const text = z.string().nullable();

const explainedFact = z.object({
  event_id: uuid,
  position,
  type: z.string(),
  role: factRole,
  sentence: z.string().meta({ description: "What the rules decided, in plain English" }),
  delivery_ids: z.array(uuid).meta({ description: "The deliveries that stated it" }),
});
export type ExplainedFact = z.infer<typeof explainedFact>;

/** One line of a history: what was before, what changed, what is there after. */
const arithmeticLine = z.object({
  entry: z.string().meta({ description: "`run:<id>`, or `snapshot:<connection>:<frame>`" }),
  before: amount.nullable(),
  change: amount.nullable(),
  after: amount.nullable(),
  missing: amount.nullable().meta({ description: "Between the line below and this one" }),
  missing_after: text.meta({ description: "The entry that the gap follows" }),
  line: z.string().meta({ description: "The same as one line of text" }),
});
export type ArithmeticLine = z.infer<typeof arithmeticLine>;

const explainedDelivery = z.object({
  id: uuid,
  position,
  channel,
  payload_type: z.string(),
  notification_id: text,
  connection: text,
  frame: z.int().nullable(),
  signature: growing(["valid", "stale", "unsigned", "none"]),
  scheme: text,
  key_id: sha256.nullable(),
  received_at: instant,
  body_sha256: sha256
    .nullable()
    .meta({ description: "null where others' facts are in the bytes, for a platform's key" }),
  body: growing(["kept", "gone"])
    .nullable()
    .meta({ description: "null: not looked for, since it is large or not the asker's" }),
  erased: erasureRecord
    .nullable()
    .meta({ description: "Who erased the bytes and why; null for a platform's key" }),
});
export type ExplainedDelivery = z.infer<typeof explainedDelivery>;

export const explanation = z
  .object({
    kind: explainedKind,
    id: z.string(),
    position: position.meta({ description: "By the facts up to there" }),
    shown: z
      .record(z.string(), json)
      .nullable()
      .meta({ description: "What is explained; null where nothing is shown of it" }),
    facts: z.array(explainedFact).meta({ description: "The newest first" }),
    arithmetic: z
      .array(arithmeticLine)
      .meta({ description: "Of a balance or an entry, the newest line first" }),
    deliveries: z.array(explainedDelivery),
    next_cursor: text.meta({ description: "Goes on to older facts; null where there are none" }),
  })
  .meta({ id: "Explanation" });
export type Explanation = z.infer<typeof explanation>;
