import { z } from "zod";
import { eventRecord } from "./record.ts";
import { channel, growing, instant, position, provider, sha256, uuid } from "./scalar.ts";

/** When, by whom and why the bytes of a delivery were erased. */
export const erasureRecord = z
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
