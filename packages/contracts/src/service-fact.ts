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

// What the service records beside what providers say: how deliveries and feeds went, what else is known of
// a fact, and what persons did.

/** Which version of the translation from bytes to facts made this fact. */
export const translation = z.int().positive();

/** Arrival of the delivery at our side, by our clock. */
const received_at = instant;

/** What every fact carries that was found in a delivery. */
export const stamp = { received_at, translation };

/** A frame's place on its connection, from 1. */
export const place = z.object({ connection: id, frame: z.int().positive() });

/**
 * A signature header as it came, and the timestamp's, so that anybody who has the key can check it
 * again. `scheme` and `key_id` where it was checked here: the SHA-256 of a public key's SPKI form, or of
 * a secret its HMAC over a constant, which tells secrets apart and gives none away.
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
  /** Of deliveries that were recorded before there is none. */
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
  /** Of a frame: the run that it states did not happen before, as the socket's order says. */
  not_before: instant.optional(),
  /** And which run it stated of the account before. */
  follows: id.optional(),
  /** How many appends carry the facts; only where more than one. */
  parts: z.int().min(2).optional(),
  /** The span that took it in, where somebody traces it: what follows from it belongs to that trace. */
  traceparent: traceparent.optional(),
});

/** Beside a `DeliveryReceived` with several parts, so that one that was left is found quickly. */
export const DeliveryDivided = z.object({ delivery_id: uuid, parts: z.int().min(2) });

/** Every fact of the delivery is recorded. Ends a divided delivery, and every snapshot. */
export const DeliveryCompleted = z.object({
  delivery_id: uuid,
  parts: z.int().positive(),
  /** Where the delivery was a snapshot of all accounts. */
  snapshot: place.optional(),
});

/** The delivery that took the same bytes under another type; only where the reason is type_conflict. */
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

/** What the feed client records of its own connections. */
export const FeedOpened = z.object({
  provider,
  connection: id,
  continues: id.optional(),
  multi_chain: z.boolean(),
  /** Its frames are recorded with what the socket's order says of them. */
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

/** What sockets said of the order of runs before programs recorded it is recorded up to there. */
export const SocketOrderRecorded = z.object({ until: position });

/** Every frame of the connection's snapshot is recorded: what it does not list, it left out. */
export const SnapshotCompleted = z.object({
  provider,
  connection: id,
  frames: z.int().nonnegative(),
});

/**
 * What another client wrote into the stream, on an engine where that is possible: the server's id and
 * type of it, and the digest of its data.
 */
export const ForeignEvent = z.object({ event_id: uuid, event_type: z.string(), sha256 });

/** What an amendment is about: the fact's type and its natural key, beside its id. */
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
  /** Where an amendment is withdrawn: the id of the fact that it was about. */
  amends: uuid.optional(),
  translation,
});

// What persons do to a ledger.

/** Who acts: a person's name, or that of a key. */
export const actor = z.string().trim().min(1).max(200);
/** Why, in words for those who come later. */
export const note = z.string().trim().min(1).max(2000);

/** Recorded before the action begins: also one that fails was asked for. */
export const OperatorActed = z.object({
  action: growing([
    ...(["rebuild", "rollback", "retranslate", "retry", "acknowledge", "dismiss"] as const),
    ...(["create_key", "revoke_key", "rotate_key", "rotate_head_key"] as const),
    "erase",
  ]),
  /** The model, the delivery, the anomaly, the key or the participant; absent where it is about all of them. */
  target: z.string().optional(),
  actor,
});

export const QuarantineDismissed = z.object({
  delivery_id: uuid,
  /** After so many attempts to read it: one more attempt that fails opens it again. */
  attempts: z.int().positive(),
  note,
  actor,
});

/** The bytes of a delivery are erased: they are stored no more, nor ever again. What was read from them stays. */
export const BodyErased = z.object({
  sha256,
  length: z.int().nonnegative(),
  /** The delivery by which they were found; others may have brought the same bytes. */
  delivery_id: uuid,
  note,
  actor,
});

/** What a key may do: `operator` everything that `reader` may, and what changes something. */
export const keyRole = growing(["reader", "operator"]);
export type KeyRole = z.infer<typeof keyRole>;

/** Who did it: a user of the system, or the key that was shown. */
const keyActor = z.string().min(1);

/** An API key came into force. Neither its secret nor the secret's digest is ever on the stream. */
export const ApiKeyCreated = z.object({
  key_id: uuid,
  /** What the secret begins with: enough to tell keys apart. */
  prefix: z.string().min(1),
  role: keyRole,
  /** Only what is this platform's; a key without sees everything. */
  platform: id.optional(),
  name: z.string().min(1).optional(),
  expires_at: instant.optional(),
  /** The key in whose place it came. */
  replaces: uuid.optional(),
  actor: keyActor,
});

/** The key opens nothing any more. */
export const ApiKeyRevoked = z.object({
  key_id: uuid,
  /** The key that came in its place. */
  replaced_by: uuid.optional(),
  actor: keyActor,
});

/** Ed25519, 64 bytes. */
export const headSignature = z.string().regex(/^[0-9a-f]{128}$/);

/** From here on another key signs heads: both have signed that the one follows the other. */
export const HeadKeyRotated = z.object({
  old_key: sha256,
  new_key: sha256,
  old_signature: headSignature,
  new_signature: headSignature,
});
