import { z } from "zod";
import { growing, id, instant, uuid } from "./scalar.ts";

/** What a key may do: `operator` everything that `reader` may, and what changes something. */
export const keyRole = growing(["reader", "operator"]);
export type KeyRole = z.infer<typeof keyRole>;

/** Who did it: a user of the system, or the key that was shown. */
const actor = z.string().min(1);

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
  actor,
});

/** The key opens nothing any more. */
export const ApiKeyRevoked = z.object({
  key_id: uuid,
  /** The key that came in its place. */
  replaced_by: uuid.optional(),
  actor,
});
