import { z } from "zod";
import { growing, uuid } from "./scalar.ts";

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
  ]),
  /** The model, the delivery, the anomaly or the key; absent where it is about all of them. */
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
