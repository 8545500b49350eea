import { z } from "zod";
import { id, instant, position, provider } from "./scalar.ts";

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
