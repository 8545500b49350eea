import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { KeyRole } from "@counterfoil/contracts/service-fact";
import { formatTime, type Nanos, timeOf } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import { newEvent } from "../ingest/event.ts";
import { readData } from "../stream/read-event.ts";

/** An API key, as recorded on the stream. */
export type ApiKey = Readonly<{
  id: string;
  prefix: string;
  role: KeyRole;
  /** null for a key that sees everything. */
  platform: string | null;
  name: string | null;
  createdAt: Nanos;
  createdBy: string;
  expiresAt: Nanos | null;
  revokedAt: Nanos | null;
}>;

/** All keys by id, in the order of their creation. */
export type ApiKeys = ReadonlyMap<string, ApiKey>;

export const KEY_EVENTS = ["ApiKeyCreated", "ApiKeyRevoked"] as const;

/** The keys after one more event. */
export function evolveKeys(keys: ApiKeys, event: RecordedEvent): ApiKeys {
  if (event.type === "ApiKeyCreated") {
    const key = createdKey(readData(event) as DataOf<"ApiKeyCreated">, event.recorded_at);
    return new Map([...keys, [key.id, key]]);
  }
  if (event.type !== "ApiKeyRevoked") return keys;
  const key = keys.get((readData(event) as DataOf<"ApiKeyRevoked">).key_id);
  if (key === undefined) return keys;
  return new Map([...keys, [key.id, { ...key, revokedAt: key.revokedAt ?? event.recorded_at }]]);
}

function createdKey(data: DataOf<"ApiKeyCreated">, recordedAt: Nanos): ApiKey {
  return {
    id: data.key_id,
    prefix: data.prefix,
    role: data.role,
    platform: data.platform ?? null,
    name: data.name ?? null,
    createdAt: recordedAt,
    createdBy: data.actor,
    expiresAt: data.expires_at === undefined ? null : timeOf(data.expires_at),
    revokedAt: null,
  };
}

export type KeyState = "active" | "expired" | "revoked";

/** Whether a key gives access at this time, and why not. */
export function keyState({ revokedAt, expiresAt }: ApiKey, now: Nanos): KeyState {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "active";
}

/** The properties requested for a new key. */
export type KeyRequest = Pick<ApiKey, "role" | "platform" | "name" | "expiresAt">;

/** The random parts of a key that are public: never its secret. */
export type KeyNames = Readonly<{ id: string; prefix: string }>;

/** The event that creates a key. */
export function keyCreated(
  { id, prefix }: KeyNames,
  { role, platform, name, expiresAt }: KeyRequest,
  { actor, replaces }: Readonly<{ actor: string; replaces?: string }>,
  hashing: Hashing,
): NewEvent {
  const data: DataOf<"ApiKeyCreated"> = {
    key_id: id,
    prefix,
    role,
    ...(platform === null ? {} : { platform }),
    ...(name === null ? {} : { name }),
    ...(expiresAt === null ? {} : { expires_at: formatTime(expiresAt) }),
    ...(replaces === undefined ? {} : { replaces }),
    actor,
  };
  const envelope = { id: keyEventId("ApiKeyCreated", id, hashing), subject: `key:${id}` };
  return newEvent({ type: "ApiKeyCreated", data }, envelope, NO_CAUSE);
}

/** The event that revokes a key. */
export function keyRevoked(
  id: string,
  { actor, replacedBy }: Readonly<{ actor: string; replacedBy?: string }>,
  hashing: Hashing,
): NewEvent {
  const data: DataOf<"ApiKeyRevoked"> = {
    key_id: id,
    ...(replacedBy === undefined ? {} : { replaced_by: replacedBy }),
    actor,
  };
  const envelope = { id: keyEventId("ApiKeyRevoked", id, hashing), subject: `key:${id}` };
  return newEvent({ type: "ApiKeyRevoked", data }, envelope, NO_CAUSE);
}

/**
 * The id of a key's event. A key is created once and revoked once, since ids are unique on the
 * stream.
 */
export const keyEventId = (
  type: (typeof KEY_EVENTS)[number],
  keyId: string,
  hashing: Hashing,
): string => eventId([type, keyId], hashing);

/** The request for a rotated key: the same rights, and the same lifetime as the old key had. */
export function rotatedRequest(key: ApiKey, now: Nanos): KeyRequest {
  const { role, platform, name, createdAt, expiresAt } = key;
  return {
    role,
    platform,
    name,
    expiresAt: expiresAt === null ? null : now + (expiresAt - createdAt),
  };
}

const NO_CAUSE = { deliveryId: null, correlationId: null };
