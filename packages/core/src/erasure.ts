import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { type Json, parseJson } from "./exact/json.ts";
import type { Hashing } from "./hashing.ts";
import { eventId } from "./identity.ts";
import { newEvent } from "./ingest/event.ts";

/**
 * Erasing the bytes of deliveries. Events hold digests of bodies and never the bytes, so that a body
 * can go, as the law may ask, and every hash, head and proof stays as it was.
 */

/** One event a digest: engines look for it by this id before they store bytes. */
export function bodyErasedId(sha256: string, hashing: Hashing): string {
  return eventId(["BodyErased", sha256], hashing);
}

export function bodyErasedEvent(data: DataOf<"BodyErased">, hashing: Hashing): NewEvent {
  const { sha256, delivery_id } = data;
  const envelope = { id: bodyErasedId(sha256, hashing), subject: `delivery:${delivery_id}` };
  return newEvent({ type: "BodyErased", data }, envelope, NO_CAUSE);
}

const NO_CAUSE = { deliveryId: null, correlationId: null };

/** Fields under which a provider names who takes part, on whatever level of the object. */
const NAMES_PARTICIPANT: ReadonlySet<string> = new Set([
  "participant_code",
  "account_owner",
  "customerId",
]);

/**
 * The participants that a body names, each once, sorted; null where it is no JSON: then nobody
 * knows whom it names. Platforms (`account_group`) are no participants.
 *
 * @param text null where the body is no UTF-8
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
    else if (NAMES_PARTICIPANT.has(key) && inner !== "") names.add(inner);
  }
}

/**
 * Whether a body speaks of somebody: his code stands in it as a word of its own, under whatever
 * name, also inside of an id (`DEF456.general`).
 */
export function isAbout(text: string, code: string): boolean {
  for (let at = text.indexOf(code); at >= 0; at = text.indexOf(code, at + 1)) {
    if (!isOfWord(text[at - 1]) && !isOfWord(text[at + code.length])) return true;
  }
  return false;
}

const isOfWord = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_]/u.test(character);
