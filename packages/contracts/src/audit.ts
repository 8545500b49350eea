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
import { headSignature } from "./service-fact.ts";

// Evidence for values: deliveries, explanations, signed heads, proofs, certificates.

/** When, by whom and why the bytes of a delivery were erased. */
const erasureRecord = z
  .object({ event_id: uuid, position, erased_at: instant, actor: z.string(), note: z.string() })
  .meta({ id: "Erasure" });
export type ErasureRecord = z.infer<typeof erasureRecord>;

/** A delivery with all events that it caused. */
export const deliveryRecord = z
  .object({
    delivery_id: uuid,
    received: eventRecord,
    /** In the order of the stream; of very many the first 1,000. */
    facts: z.array(eventRecord),
    /** It caused more events than `facts` shows: `GET /v1/events` lists them after these. */
    has_more: z.boolean(),
    body_url: z.string(),
    /**
     * null while the bytes are stored, and for a platform's key, since nothing shows whose they
     * were.
     */
    erased: erasureRecord.nullable(),
  })
  .meta({ id: "Delivery" });

/**
 * The outcome of a delivery. `repeated`: everything it states was known already. The same bytes sent
 * again are not a separate delivery.
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
      .meta({ description: "Bytes; null if they contain other parties' facts" }),
    position,
  })
  .meta({ id: "DeliverySummary" });
export type DeliverySummary = z.infer<typeof deliverySummary>;

/** An event with its amendments and its delivery. */
export const eventDetail = z
  .object({
    ...eventRecord.shape,
    amendments: z
      .array(eventRecord)
      .meta({ description: "Its amendments in order: one page at most" }),
    delivery: deliverySummary
      .nullable()
      .meta({ description: "null for an event without a delivery" }),
  })
  .meta({ id: "EventDetail" });
export type EventDetail = z.infer<typeof eventDetail>;

/** Kinds of resources that can be explained, from the value to its facts and their signed bytes. */
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
/** `account` is another word for `balance`. */
export const explainedKind = z.enum(EXPLAINED);
export type ExplainedKind = z.infer<typeof explainedKind>;

/**
 * The effect of a fact, found by leaving it out: `decides` changes what is shown, `confirms` opens a
 * gap or changes the status, the others change nothing. `superseded`: another fact replaced it.
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

/** One line of an account history: the balance before, the change, the balance after. */
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
    .meta({ description: "null for a platform's key if the bytes contain other parties' facts" }),
  body: growing(["kept", "gone"])
    .nullable()
    .meta({ description: "null: not checked, because it is large or not visible to the key" }),
  erased: erasureRecord
    .nullable()
    .meta({ description: "Who erased the bytes and why; null for a platform's key" }),
});
export type ExplainedDelivery = z.infer<typeof explainedDelivery>;

export const explanation = z
  .object({
    kind: explainedKind,
    id: z.string(),
    position: position.meta({ description: "Computed from the facts up to this position" }),
    shown: z
      .record(z.string(), json)
      .nullable()
      .meta({ description: "What is explained; null where nothing is shown of it" }),
    facts: z.array(explainedFact).meta({ description: "The newest first" }),
    arithmetic: z
      .array(arithmeticLine)
      .meta({ description: "For a balance or an entry, newest line first" }),
    deliveries: z.array(explainedDelivery),
    next_cursor: text.meta({
      description: "Continues with older facts; null where there are none",
    }),
  })
  .meta({ id: "Explanation" });
export type Explanation = z.infer<typeof explanation>;

/**
 * A signed tree head: one signature over the ledger at a position. It has exactly these fields, since
 * a verifier must know everything that was signed.
 */
export const treeHead = z
  .strictObject({
    ledger: z.string().min(1),
    genesis: sha256.meta({
      description: "The hash of position 1: it identifies the ledger",
    }),
    position,
    hash: sha256.meta({ description: "The hash of the event at the position" }),
    tree_size: position.meta({ description: "Leaves of the tree: the position" }),
    root: sha256.meta({ description: "Of the RFC 6962 tree over the events' hashes" }),
    map_root: sha256.meta({ description: "Of the map from each subject to its events" }),
    signed_at: instant,
    key_id: sha256.meta({ description: "SHA-256 of the public key's 32 bytes" }),
    public_key: sha256.meta({ description: "The Ed25519 key, 32 bytes in hex" }),
    signature: headSignature.meta({ description: "Ed25519, see docs/stream-format.md" }),
  })
  .meta({ id: "TreeHead" });
export type TreeHead = Readonly<z.infer<typeof treeHead>>;

const hashes = z.array(sha256);

/** Proves that an event is in the tree of that size. */
export const inclusionProof = z
  .object({
    position,
    tree_size: position,
    hash: sha256.meta({ description: "The event's hash" }),
    leaf: sha256,
    root: sha256,
    proof: hashes.meta({ description: "The hashes beside the path, from the leaf upwards" }),
  })
  .meta({ id: "InclusionProof" });
export type InclusionProof = Readonly<z.infer<typeof inclusionProof>>;

/** Proves that the tree of `to` holds the tree of `from` unchanged. */
export const consistencyProof = z
  .object({
    from: position,
    to: position,
    from_root: sha256,
    to_root: sha256,
    proof: hashes.meta({ description: "As in RFC 6962, section 2.1.2" }),
  })
  .meta({ id: "ConsistencyProof" });
export type ConsistencyProof = Readonly<z.infer<typeof consistencyProof>>;

const digests = z.strictObject({
  position,
  digest: sha256.meta({ description: "Equal on one engine, by one version of the program" }),
  state_digest: sha256.meta({ description: "Equal on every engine" }),
});

/**
 * A signed statement of what a command did or found on a ledger. It has exactly these fields, since a
 * verifier must know everything that was signed.
 */
export const certificate = z
  .strictObject({
    statement: z.enum(["verify", "rebuild", "replay", "export"]),
    ...treeHead.pick({ ledger: true, genesis: true }).shape,
    from: position.meta({ description: "The first position that it covers" }),
    to: position.meta({
      description: "The last position that it covers; hash and roots are of this position",
    }),
    ...treeHead.pick({ hash: true, root: true, map_root: true }).shape,
    models: z.record(z.string().min(1), digests).meta({
      description: "The models computed from the stream, by name",
    }),
    account: z
      .string()
      .min(1)
      .nullable()
      .meta({ description: "For an export of a single account" }),
    file: z
      .strictObject({ format: z.string().min(1), sha256 })
      .nullable()
      .meta({ description: "The written file, byte for byte" }),
    engine: z.string().min(1),
    code_version: z.string().min(1),
    actor: z.string().min(1).max(200),
    ...treeHead.pick({ signed_at: true, key_id: true, public_key: true }).shape,
    signature: headSignature,
  })
  .meta({ id: "Certificate" });
export type Certificate = Readonly<z.infer<typeof certificate>>;
