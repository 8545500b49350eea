import { createHash } from "node:crypto";
import type { StoreName } from "@counterfoil/processing/ports/model-store";

/** Beyond, PostgreSQL would cut a name without a word. */
const NAME_BYTES_MAX = 63;
const LONGEST_MODEL = "withdrawals".length;

/** A name that SQL takes literally. Names come from table descriptions, never from a request. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(", ");
}

/** The schema of a ledger's stream, catalogue and index. */
export function ledgerSchema(ledger: string): string {
  return ledger === "default" ? "counterfoil" : `counterfoil_${ledger}`;
}

/**
 * The schema of one model's tables. A ledger's name holds no underscore, so that two of them keep
 * models and ledgers apart; one too long for all of this is cut, and told from others by a digest.
 */
export function modelSchema(ledger: string, model: StoreName): string {
  const schema = ledgerSchema(ledger);
  const room = NAME_BYTES_MAX - 2 - LONGEST_MODEL;
  if (schema.length <= room) return `${schema}__${model}`;
  const digest = createHash("sha256").update(ledger).digest("hex").slice(0, 12);
  return `${schema.slice(0, room - 13)}_${digest}__${model}`;
}

/** The 64-bit key of an advisory lock; other programs in the database may use any others. */
export function lockKey(...names: readonly string[]): string {
  const digest = createHash("sha256").update(names.join("\0")).digest();
  return digest.readBigInt64BE(0).toString();
}
