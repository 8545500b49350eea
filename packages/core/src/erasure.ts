import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { type Json, parseJson } from "./exact/json.ts";
import type { Hashing } from "./hashing.ts";
import { eventId } from "./identity.ts";
import { newEvent } from "./ingest/event.ts";

/**
 * Erases the bytes of deliveries. Events hold digests of bodies and never the bytes, so a body can be
 * erased, as the law may require, without changing any hash, head or proof.
 */

/** The id of the erasure of a digest. Engines look it up before they store bytes. */
export function bodyErasedId(sha256: string, hashing: Hashing): string {
  return eventId(["BodyErased", sha256], hashing);
}

export function bodyErasedEvent(data: DataOf<"BodyErased">, hashing: Hashing): NewEvent {
  const { sha256, delivery_id } = data;
  const envelope = { id: bodyErasedId(sha256, hashing), subject: `delivery:${delivery_id}` };
  return newEvent({ type: "BodyErased", data }, envelope, NO_CAUSE);
}

const NO_CAUSE = { deliveryId: null, correlationId: null };

/** Fields in which a provider names a participant, at any depth of the object. */
const PARTICIPANT_FIELDS: ReadonlySet<string> = new Set([
  "participant_code",
  "account_owner",
  "customerId",
]);

/**
 * The participants that a body names, sorted, without duplicates; null where it is not JSON and they
 * are unknown. Platforms (`account_group`) are not participants.
 *
 * @param text null where the body is not UTF-8
 */
export function participantsIn(text: string | null): readonly string[] | null {
  const parsed = text === null ? null : parseJson(text);
  if (!parsed?.ok) return null;
  const names = new Set<string>();
  collect(parsed.value, names);
  return [...names].sort();
}

function collect(value: Json, names: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner !== "string") collect(inner as Json, names);
    else if (PARTICIPANT_FIELDS.has(key) && inner !== "") names.add(inner);
  }
}

/**
 * Whether a body mentions a participant: it contains the code as a separate word, in any field, also
 * within an id (`DEF456.general`).
 */
export function mentionsParticipant(text: string, code: string): boolean {
  for (let at = text.indexOf(code); at >= 0; at = text.indexOf(code, at + 1)) {
    if (!isWordCharacter(text[at - 1]) && !isWordCharacter(text[at + code.length])) return true;
  }
  return false;
}

const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_]/u.test(character);
