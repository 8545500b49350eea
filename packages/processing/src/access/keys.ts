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
  keyState,
  rotatedRequest,
} from "@counterfoil/core/access/api-key";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { appendDecided, type ConcurrentWriter } from "../ingest/append-decided.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, readAll } from "../ports/event-stream.ts";
import type { KeyStore } from "../ports/key-store.ts";

/** Reads all keys from the stream up to its current head. */
export async function readKeys(stream: EventStream): Promise<ApiKeys> {
  let keys: ApiKeys = new Map();
  for await (const event of readAll(stream, KEY_EVENTS)) keys = evolveKeys(keys, event);
  return keys;
}

/**
 * Whether an active key gives no access because the digest of its secret is missing, e.g. after only the
 * stream was restored.
 */
export const isLost = (
  key: ApiKey,
  { digests, now }: Readonly<{ digests: ReadonlyMap<string, string>; now: Nanos }>,
): boolean => keyState(key, now) === "active" && !digests.has(key.id);

export type KeyKeeping = ConcurrentWriter & Readonly<{ keys: KeyStore; hashing: Hashing }>;

/** A newly generated secret, and the names that may be shown of it. */
type NewSecret = KeyNames & Readonly<{ secret: string }>;

/** Creates a key. Its digest is stored first: after a crash in between it gives no access. */
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

/** Revokes a key; a revoked key stays unchanged. @returns null if there is no such key */
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

type Rotated =
  | Readonly<{ outcome: "rotated"; key: ApiKey }>
  | Readonly<{ outcome: "missing" }>
  | Readonly<{ outcome: "revoked" }>;

/** Replaces a key by a new one in one append, from which on the old one gives no access. */
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
    // If this fails too, the digest that is left gives no access without its event.
    await keys.remove(id).catch(() => undefined);
    throw error;
  }
}

/** The API keys known to one process. */
export type KeyDirectory = Readonly<{
  /** The ledger has or had a key, so every request needs one. */
  requiresKey: boolean;
  /** Keys whose secret has this prefix, each with the digest of the whole secret if it is stored. */
  withPrefix: (prefix: string) => readonly KnownKey[];
  withId: (id: string) => KnownKey | null;
}>;

type KnownKey = Readonly<{ key: ApiKey; digest: string | null }>;

/** An older directory is refreshed on demand. */
const MAX_AGE: Nanos = SECOND;
/** An older directory is not used even if the engine is unavailable, so that a revoked key gives no access. */
const MAX_AGE_UNAVAILABLE: Nanos = 5n * SECOND;

type Sources = Readonly<{ stream: EventStream; keys: KeyStore; clock: Pick<Clock, "now"> }>;

/**
 * Follows the keys' events and the stored digests on demand: at most one read a second, whatever the
 * number of callers.
 *
 * @returns a function that returns the current directory; it throws the engine's error once the known
 *   keys are too old. A ledger without keys stays accessible while its stream is unavailable, because
 *   nobody can append the first key then.
 */
export function followKeys(sources: Sources): () => Promise<KeyDirectory> {
  const { clock } = sources;
  const { readChanges, directory } = createDirectory(sources);
  let readAt: Nanos | null = null;
  let reading: Promise<void> | null = null;

  const isWithin = (age: Nanos) => {
    const passed = readAt === null ? null : clock.now() - readAt;
    // If the clock was set back, the age is unknown.
    return passed !== null && passed >= 0n && passed < age;
  };

  async function refresh(): Promise<void> {
    // The time before the read, because it may miss events appended meanwhile.
    const now = clock.now();
    reading ??= readChanges()
      .then(() => {
        readAt = now;
      })
      .finally(() => {
        reading = null;
      });
    await reading;
  }

  return async () => {
    if (isWithin(MAX_AGE)) return directory();
    try {
      await refresh();
    } catch (error) {
      const isOpen = readAt !== null && !directory().requiresKey;
      if (!isOpen && !isWithin(MAX_AGE_UNAVAILABLE)) throw error;
    }
    return directory();
  };
}

/** The keys as of the last read. */
function createDirectory({ stream, keys }: Pick<Sources, "stream" | "keys">) {
  let known: ApiKeys = new Map();
  let digests: ReadonlyMap<string, string> = new Map();
  let position = 0;
  const withDigest = (key: ApiKey) => ({ key, digest: digests.get(key.id) ?? null });
  return {
    async readChanges(): Promise<void> {
      for await (const event of readAll(stream, KEY_EVENTS, position)) {
        known = evolveKeys(known, event);
        ({ position } = event);
      }
      if (position > 0) digests = await keys.digests();
    },
    directory: (): KeyDirectory => ({
      requiresKey: position > 0,
      withPrefix: (prefix) =>
        [...known.values()].filter((key) => key.prefix === prefix).map(withDigest),
      withId(id) {
        const key = known.get(id);
        return key === undefined ? null : withDigest(key);
      },
    }),
  };
}
