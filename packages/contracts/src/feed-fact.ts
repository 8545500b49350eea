import { z } from "zod";
import { id, instant, provider } from "./scalar.ts";

/** What the feed client records of its own connections. */
export const FeedOpened = z.object({
  provider,
  connection: id,
  continues: id.optional(),
  multi_chain: z.boolean(),
  opened_at: instant,
});

export const FeedClosed = z.object({
  provider,
  connection: id,
  reason: z.string(),
  detail: z.string().optional(),
  closed_at: instant,
});

/** Every frame of the connection's snapshot is recorded: what it does not list, it left out. */
export const SnapshotCompleted = z.object({
  provider,
  connection: id,
  frames: z.int().nonnegative(),
});
