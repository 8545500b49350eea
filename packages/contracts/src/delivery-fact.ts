import { z } from "zod";
import {
  channel,
  growing,
  id,
  instant,
  position,
  provider,
  sha256,
  traceparent,
  uuid,
} from "./scalar.ts";

/** Which version of the translation from bytes to facts made this fact. */
export const translation = z.int().positive();

/** Arrival of the delivery at our side, by our clock. */
export const received_at = instant;

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
