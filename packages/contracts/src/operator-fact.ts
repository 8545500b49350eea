import { z } from "zod";
import { growing, sha256, uuid } from "./scalar.ts";

/** What persons do to a ledger. */

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
