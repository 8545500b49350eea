import { z } from "zod";
import {
  channel,
  growing,
  id,
  instant,
  json,
  position,
  provider,
  sha256,
  traceparent,
  uuid,
} from "./scalar.ts";

// Facts that the service records besides those of providers: deliveries and feeds, amendments, and what
// people did.

/** The version of the translation that read this fact. */
export const translation = z.int().positive();

/** When the delivery arrived, by the service's clock. */
const received_at = instant;

/** Fields of every fact that was read in a delivery. */
export const stamp = { received_at, translation };

/** A frame's place on its connection, from 1. */
export const place = z.object({ connection: id, frame: z.int().positive() });

/**
 * A signature or timestamp header as received, so that anyone with the key can verify it again.
 * `scheme` and `key_id` are present where it was verified here. `key_id` is the SHA-256 of a public
 * key's SPKI form, or a secret's HMAC over a constant, which identifies the secret without revealing it.
 */
const evidence = z.object({
  header: z.string(),
  value: z.string(),
  scheme: z.string().optional(),
  key_id: sha256.optional(),
});

const verdict = z.object({
  signature: growing(["valid", "stale", "unsigned", "none"]),
  scheme: z.string().optional(),
  key: z.string().optional(),
  sent_at: instant.optional(),
  /** Absent in deliveries that were recorded before evidence was kept. */
  evidence: z.array(evidence).optional(),
});

export const DeliveryReceived = z.object({
  provider,
  channel,
  payload_type: z.string(),
  notification_id: z.string().optional(),
  connection: id.optional(),
  frame: z.int().positive().optional(),
  verdict,
  sha256,
  length: z.int().nonnegative(),
  ...stamp,
  /** For a frame: by the socket's order its run did not take effect before this time. */
  not_before: instant.optional(),
  /** For a frame: the account's run before it on the socket. */
  follows: id.optional(),
  /** The number of appends that carry the facts, if more than one. */
  parts: z.int().min(2).optional(),
  /**
   * The span that received it, if it is traced: everything that it causes belongs to that trace.
   */
  traceparent: traceparent.optional(),
});

/**
 * Recorded with a `DeliveryReceived` of several parts, so that incomplete deliveries are found
 * quickly.
 */
export const DeliveryDivided = z.object({ delivery_id: uuid, parts: z.int().min(2) });

/** Every fact of the delivery is recorded. Completes divided deliveries and snapshots. */
export const DeliveryCompleted = z.object({
  delivery_id: uuid,
  parts: z.int().positive(),
  /** The place of the frame, if the delivery was a snapshot of all accounts. */
  snapshot: place.optional(),
});

/**
 * The delivery that recorded the same bytes under another type; only with the reason type_conflict.
 */
const taken_by = z.object({ delivery_id: uuid, payload_type: z.string() }).optional();

export const DeliveryQuarantined = z.object({
  delivery_id: uuid,
  provider,
  channel,
  payload_type: z.string(),
  reason: z.string(),
  detail: z.string(),
  taken_by,
  ...stamp,
});

export const QuarantineRetried = z.object({
  delivery_id: uuid,
  translation,
  outcome: z.enum(["resolved", "unreadable"]),
  reason: z.string().optional(),
  detail: z.string().optional(),
  taken_by,
});

/** The feed client opened a connection. */
export const FeedOpened = z.object({
  provider,
  connection: id,
  continues: id.optional(),
  multi_chain: z.boolean(),
  /** Whether its frames are recorded with the order of the socket. */
  ordered: z.boolean().optional(),
  opened_at: instant,
});

export const FeedClosed = z.object({
  provider,
  connection: id,
  reason: z.string(),
  detail: z.string().optional(),
  closed_at: instant,
});

/**
 * The order of runs on sockets, which older programs did not record, is recorded up to this
 * position.
 */
export const SocketOrderRecorded = z.object({ until: position });

/**
 * Every frame of the connection's snapshot is recorded: an account not listed by then is missing
 * from it.
 */
export const SnapshotCompleted = z.object({
  provider,
  connection: id,
  frames: z.int().nonnegative(),
});

/**
 * An event that another client wrote into the stream, on engines where that is possible: the server's
 * id and type of it, and the digest of its data.
 */
export const ForeignEvent = z.object({ event_id: uuid, event_type: z.string(), sha256 });

/** The fact that an amendment amends: its id, type and natural key. */
const about = z.object({
  event_id: uuid,
  event_type: z.string(),
  key: z.record(z.string(), z.string()),
});

export const FactSeen = about.extend({
  adds: z.record(z.string(), json),
  ...stamp,
});

export const FactContradicted = about.extend({
  contradicts: z.record(z.string(), json),
  ...stamp,
});

export const FactCorrected = about.extend({
  data: z.record(z.string(), json),
  translation,
});

export const FactWithdrawn = about.extend({
  /** If an amendment is withdrawn: the id of the fact that it amended. */
  amends: uuid.optional(),
  translation,
});

// Actions of people on a ledger.

/** The name of the person or key that acts. */
export const actor = z.string().trim().min(1).max(200);
/** The reason, for later readers. */
export const note = z.string().trim().min(1).max(2000);

/** Recorded before the action begins, so that failed actions are on record too. */
export const OperatorActed = z.object({
  action: growing([
    ...(["rebuild", "rollback", "retranslate", "retry", "acknowledge", "dismiss"] as const),
    ...(["create_key", "revoke_key", "rotate_key", "rotate_head_key"] as const),
    "erase",
  ]),
  /**
   * The model, delivery, anomaly, key or participant; absent if the action is about all of them.
   */
  target: z.string().optional(),
  actor,
});

export const QuarantineDismissed = z.object({
  delivery_id: uuid,
  /** The number of failed attempts to read it; one more failed attempt opens it again. */
  attempts: z.int().positive(),
  note,
  actor,
});

/** The bytes of a delivery are erased and never stored again. The facts read from them stay. */
export const BodyErased = z.object({
  sha256,
  length: z.int().nonnegative(),
  /** The delivery by which they were found; other deliveries may have the same bytes. */
  delivery_id: uuid,
  note,
  actor,
});

/** What a key may do: a `reader` reads, an `operator` also changes things. */
export const keyRole = growing(["reader", "operator"]);
export type KeyRole = z.infer<typeof keyRole>;

/** Who acted: a user of the system, or the presented key. */
const keyActor = z.string().min(1);

/** An API key was created. Neither its secret nor the secret's digest is ever on the stream. */
export const ApiKeyCreated = z.object({
  key_id: uuid,
  /** The beginning of the secret, by which people recognise the key. */
  prefix: z.string().min(1),
  role: keyRole,
  /** The platform whose data the key sees; without it the key sees everything. */
  platform: id.optional(),
  name: z.string().min(1).optional(),
  expires_at: instant.optional(),
  /** The key that it replaces. */
  replaces: uuid.optional(),
  actor: keyActor,
});

/** The key was revoked. */
export const ApiKeyRevoked = z.object({
  key_id: uuid,
  /** The key that replaces it. */
  replaced_by: uuid.optional(),
  actor: keyActor,
});

/** Ed25519, 64 bytes. */
export const headSignature = z.string().regex(/^[0-9a-f]{128}$/);

/** Another key signs heads from here on. Both keys have signed the succession. */
export const HeadKeyRotated = z.object({
  old_key: sha256,
  new_key: sha256,
  old_signature: headSignature,
  new_signature: headSignature,
});
