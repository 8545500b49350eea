import { z } from "zod";
import { modelName } from "./fact.ts";
import { channel, growing, instant, json, position, provider, sha256, uuid } from "./scalar.ts";

/**
 * Records for operators: what needs attention, and the state of the service. Shaped as in
 * `record.ts`.
 */
const text = z.string().nullable();
const time = instant.nullable();

export const anomalyKind = growing([
  "gap",
  "contradiction",
  "illegal_step",
  "invariant",
  "account_id_conflict",
  "id_conflict",
  "type_conflict",
  "unknown_word",
  "clock",
  "foreign_event",
  "unlisted",
  "stopped",
  "stuck",
]);
export type AnomalyKind = z.infer<typeof anomalyKind>;

export const anomalyRecord = z
  .object({
    id: z.string(),
    kind: anomalyKind,
    model: modelName,
    subject: z.string(),
    detail: z.record(z.string(), json),
    opened_at: time,
    opened_position: position,
    closed_position: position.nullable(),
    acknowledged_at: time,
    acknowledged_by: text,
    note: text,
  })
  .meta({ id: "Anomaly" });
export type AnomalyRecord = z.infer<typeof anomalyRecord>;

export const quarantinedRecord = z
  .object({
    delivery_id: uuid,
    provider,
    channel,
    payload_type: z.string(),
    reason: z.string(),
    detail: z.string(),
    received_at: instant,
    attempts: z.int().positive(),
    position,
    resolved_position: position.nullable(),
    acknowledged_at: time.meta({ description: "When it was dismissed" }),
    acknowledged_by: text,
    note: text,
  })
  .meta({ id: "QuarantinedDelivery" });
export type QuarantinedRecord = z.infer<typeof quarantinedRecord>;

/**
 * A field of the status that is about the whole ledger. A platform's key receives a fixed value, which
 * must not be read as an answer.
 */
const withheld = <Schema extends z.ZodType>(schema: Schema, given: string, meaning?: string) => {
  const withholding = `With scope \`platform\` it is withheld: always ${given}, whatever the ledger has`;
  return schema.meta({
    description: meaning === undefined ? withholding : `${meaning}. ${withholding}`,
  });
};

export const projectionStatus = z
  .object({
    name: modelName,
    position,
    lag: z.int().nonnegative(),
    generation: z.int().positive(),
    model_version: z.int().positive(),
    digest: withheld(sha256, "zeros"),
    state_digest: withheld(sha256, "zeros"),
    state: growing(["live", "catching_up", "waiting", "stopped", "forked", "unreadable"]),
    stopped_keys: withheld(z.int().nonnegative(), "0"),
    lag_seconds: z
      .number()
      .nonnegative()
      .meta({ description: "Age of the oldest event that it has not processed" }),
    reason: text.meta({
      description:
        "Why it is `unreadable`; null in any other state. At position 0 its figures and digests are unknown then",
    }),
  })
  .meta({ id: "ProjectionStatus" });
export type ProjectionStatus = z.infer<typeof projectionStatus>;

const count = z.int().nonnegative();

/** The state of publishing that is stored beside the models. */
export const publisherStatus = z
  .object({
    position,
    lag: count,
    lag_seconds: z.number().nonnegative(),
    stopped_keys: count.meta({ description: "Keys whose records the broker refuses" }),
  })
  .meta({ id: "PublisherStatus" });
export type PublisherStatus = z.infer<typeof publisherStatus>;

/** The last recorded state of a feed's connection. */
const feedStatus = z
  .object({
    state: growing(["disconnected", "connected", "subscribed"]),
    since: instant,
    connection: z.string(),
    reason: text.meta({ description: "Why it was closed" }),
  })
  .meta({ id: "FeedStatus" });
export type FeedStatus = z.infer<typeof feedStatus>;

const lastDelivery = z
  .object({ provider, channel, recorded_at: instant, position })
  .meta({ id: "LastDelivery" });
export type LastDelivery = z.infer<typeof lastDelivery>;

export const attention = {
  open: count,
  unacknowledged: count.meta({ description: "The open ones that are not acknowledged" }),
};
const attentionCount = z.object(attention);
export type AttentionCount = z.infer<typeof attentionCount>;

const anomalyCount = z
  .object({ model: modelName, kind: anomalyKind, ...attention })
  .meta({ id: "AnomalyCount" });
export type AnomalyCount = z.infer<typeof anomalyCount>;

const stuckCount = z
  .object({ model: modelName, stage: z.string(), ...attention })
  .meta({ id: "StuckCount" });
export type StuckCount = z.infer<typeof stuckCount>;

export const statusRecord = z
  .object({
    ledger: z.string(),
    environment: z.string(),
    engine: growing(["memory", "sqlite", "postgres", "eventstore"]),
    scope: growing(["ledger", "platform"]).meta({
      description:
        "What the answer covers. `platform`: the key is limited to one platform, and what counts over the whole ledger is withheld; `/v1/anomalies` and `stuck=true` of the lists show what is open for that platform",
    }),
    head: position,
    head_hash: withheld(sha256, "zeros"),
    projections: z.array(projectionStatus),
    publisher: withheld(
      publisherStatus.nullable(),
      "null",
      "null: nothing is published, or it cannot be read how far",
    ),
    feed: withheld(
      feedStatus.nullable(),
      "null",
      "null: no feed was ever opened, or balances cannot be read",
    ),
    last_deliveries: withheld(
      z.array(lastDelivery),
      "empty",
      "As far as the balances model has read the stream, see its `lag`; empty where it cannot be read",
    ),
    anomalies: withheld(z.array(anomalyCount), "empty"),
    quarantined: withheld(
      attentionCount.nullable(),
      "null",
      "null where the balances model cannot be read",
    ),
    stuck: withheld(z.array(stuckCount), "empty"),
    needs_a_person: withheld(
      z.array(z.object({ what: z.string(), do: z.string() })),
      "empty",
      "Empty where all is well",
    ),
  })
  .meta({ id: "Status" });
export type StatusRecord = z.infer<typeof statusRecord>;

export const acknowledgement = z
  .object({ anomaly_id: z.string(), note: z.string(), actor: z.string() })
  .meta({ id: "Acknowledgement" });

export const rebuildProgress = z
  .object({
    model: modelName,
    generation: z.int().positive(),
    state: growing(["waiting", "building", "comparing", "activated", "refused", "failed"]),
    position,
    target: position,
    events_per_second: z.number().nonnegative(),
    started_at: instant,
    finished_at: time,
    detail: text,
  })
  .meta({ id: "RebuildProgress" });
export type RebuildProgress = z.infer<typeof rebuildProgress>;

/** A kept generation of a model, which a rollback can activate. */
const generationRecord = z
  .object({
    generation: z.int().positive(),
    model_version: z.int().positive(),
    position,
    digest: sha256,
    state_digest: sha256,
    is_live: z.boolean(),
  })
  .meta({ id: "Generation" });

export const projectionRecord = z
  .object({
    name: modelName,
    generations: z
      .array(generationRecord)
      .meta({ description: "Those that are kept, oldest first" }),
    rebuild: rebuildProgress
      .nullable()
      .meta({ description: "The last that was started in this process" }),
  })
  .meta({ id: "Projection" });
export type ProjectionRecord = z.infer<typeof projectionRecord>;

/** The result of reading a quarantined delivery again. */
export const retryRecord = z
  .object({
    delivery_id: uuid,
    outcome: growing(["resolved", "unreadable", "tried", "gone"]).meta({
      description: "`tried`: this translation was tried before; `gone`: its bytes are erased",
    }),
    detail: text,
  })
  .meta({ id: "QuarantineRetry" });
export type RetryRecord = z.infer<typeof retryRecord>;
