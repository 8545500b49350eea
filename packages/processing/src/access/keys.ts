import {
  type ApiKey,
  type ApiKeys,
  evolveKeys,
  KEY_EVENTS,
  type KeyNames,
  type KeyRequest,
  keyCreated,
  keyEventId,
  keyRevoked,
  rotatedRequest,
} from "@counterfoil/core/access/api-key";
import type { Hashing } from "@counterfoil/core/hashing";
import { appendDecided, type Contender } from "../ingest/append-decided.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { KeyStore } from "../ports/key-store.ts";
import { readAll } from "../queries/read-all.ts";

/** Every key that the stream tells of, up to its present head. */
export async function readKeys(stream: EventStream): Promise<ApiKeys> {
  let keys: ApiKeys = new Map();
  for await (const event of readAll(stream, KEY_EVENTS)) keys = evolveKeys(keys, event);
  return keys;
}

export type KeyKeeping = Contender & Readonly<{ keys: KeyStore; hashing: Hashing }>;

/** A secret that nobody has seen yet, and what may be shown of it. */
export type NewSecret = KeyNames & Readonly<{ secret: string }>;

/** Makes a key. Its digest is kept first: a crash in between leaves one that opens nothing. */
export async function createKey(
  keeping: KeyKeeping,
  { request, secret, actor }: Readonly<{ request: KeyRequest; secret: NewSecret; actor: string }>,
): Promise<ApiKey> {
  const { hashing } = keeping;
  const event = keyCreated(secret, request, { actor }, hashing);
  return withDigest(keeping, secret, async () => {
    await appendDecided(keeping, [event.id], (known) => (known.has(event.id) ? [] : [event]));
  });
}

/** @returns null where there is no such key; one that is revoked already stays so. */
export async function revokeKey(
  keeping: KeyKeeping,
  { id, actor }: Readonly<{ id: string; actor: string }>,
): Promise<ApiKey | null> {
  const { hashing, stream, keys } = keeping;
  if (!(await readKeys(stream)).has(id)) return null;
  const event = keyRevoked(id, { actor }, hashing);
  await appendDecided(keeping, [event.id], (known) => (known.has(event.id) ? [] : [event]));
  await keys.remove(id);
  return (await readKeys(stream)).get(id) ?? null;
}

export type Rotated =
  | Readonly<{ outcome: "rotated"; key: ApiKey }>
  | Readonly<{ outcome: "missing" }>
  | Readonly<{ outcome: "revoked" }>;

/** Puts a new key in the place of an old one, which opens nothing from the same append on. */
export async function rotateKey(
  keeping: KeyKeeping,
  { id, secret, actor }: Readonly<{ id: string; secret: NewSecret; actor: string }>,
): Promise<Rotated> {
  const { hashing, stream, clock, keys } = keeping;
  const old = (await readKeys(stream)).get(id);
  if (old === undefined) return { outcome: "missing" };
  if (old.revokedAt !== null) return { outcome: "revoked" };
  const revocation = keyEventId("ApiKeyRevoked", id, hashing);
  const events = [
    keyCreated(secret, rotatedRequest(old, clock.now()), { actor, replaces: id }, hashing),
    keyRevoked(id, { actor, replacedBy: secret.id }, hashing),
  ];
  const key = await withDigest(keeping, secret, async () => {
    await appendDecided(keeping, [revocation], (known) => (known.has(revocation) ? [] : events));
  });
  await keys.remove(id);
  return { outcome: "rotated", key };
}

async function withDigest(
  { keys, hashing, stream }: KeyKeeping,
  { id, secret }: NewSecret,
  append: () => Promise<void>,
): Promise<ApiKey> {
  await keys.put(id, hashing.sha256(secret));
  try {
    await append();
    const key = (await readKeys(stream)).get(id);
    if (key === undefined) throw new Error("somebody else revoked the key at this moment");
    return key;
  } catch (error) {
    // Where this fails too, what is left opens nothing without its event.
    await keys.remove(id).catch(() => undefined);
    throw error;
  }
}
