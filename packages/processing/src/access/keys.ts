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
import { appendDecided, type Contender } from "../ingest/append-decided.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, readAll } from "../ports/event-stream.ts";
import type { KeyStore } from "../ports/installation.ts";

/** Every key that the stream tells of, up to its present head. */
export async function readKeys(stream: EventStream): Promise<ApiKeys> {
  let keys: ApiKeys = new Map();
  for await (const event of readAll(stream, KEY_EVENTS)) keys = evolveKeys(keys, event);
  return keys;
}

/** Active, and it opens nothing: the digest of its secret is not kept, as where a stream was restored alone. */
export const isLost = (
  key: ApiKey,
  { digests, now }: Readonly<{ digests: ReadonlyMap<string, string>; now: Nanos }>,
): boolean => keyState(key, now) === "active" && !digests.has(key.id);

export type KeyKeeping = Contender & Readonly<{ keys: KeyStore; hashing: Hashing }>;

/** A secret that nobody has seen yet, and what may be shown of it. */
type NewSecret = KeyNames & Readonly<{ secret: string }>;

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

type Rotated =
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

/** The API keys as one process knows them. */
export type KeyDirectory = Readonly<{
  /** The stream holds a key's event: whoever asks needs a key, whatever became of that one. */
  isClosed: boolean;
  /** Keys whose secret begins so, each with the digest of the whole secret where one is kept. */
  beginningWith: (prefix: string) => readonly KnownKey[];
  withId: (id: string) => KnownKey | null;
}>;

type KnownKey = Readonly<{ key: ApiKey; digest: string | null }>;

/** What is as old as this is looked up again when somebody asks. */
const FRESH: Nanos = SECOND;
/** A key that was revoked opens nothing from then on, also where the engine cannot be asked. */
const TOO_OLD: Nanos = 5n * SECOND;

type Sources = Readonly<{ stream: EventStream; keys: KeyStore; clock: Pick<Clock, "now"> }>;

/**
 * Follows the keys' events, and the digests that are kept beside them, on demand: at most one look a
 * second, however many ask.
 *
 * @returns what answers the present directory; it throws what the engine throws once the keys that
 *   it knows are too old. A ledger without any key stays one while its stream is away: then nobody
 *   can append the first.
 */
export function followKeys({ stream, keys, clock }: Sources): () => Promise<KeyDirectory> {
  let known: ApiKeys = new Map();
  let digests: ReadonlyMap<string, string> = new Map();
  let position = 0;
  let lookedAt: Nanos | null = null;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    // From before the look: what comes while it goes on may not be in it.
    const now = clock.now();
    for await (const event of readAll(stream, KEY_EVENTS, position)) {
      known = evolveKeys(known, event);
      ({ position } = event);
    }
    if (position > 0) digests = await keys.digests();
    lookedAt = now;
  }

  const isWithin = (age: Nanos) => {
    const passed = lookedAt === null ? null : clock.now() - lookedAt;
    // A clock that was set back says nothing of how old it is.
    return passed !== null && passed >= 0n && passed < age;
  };

  async function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = null;
    });
    await looking;
  }

  const withDigest = (key: ApiKey) => ({ key, digest: digests.get(key.id) ?? null });
  const directory = (): KeyDirectory => ({
    isClosed: position > 0,
    beginningWith: (prefix) =>
      [...known.values()].filter((key) => key.prefix === prefix).map(withDigest),
    withId(id) {
      const key = known.get(id);
      return key === undefined ? null : withDigest(key);
    },
  });

  return async () => {
    if (isWithin(FRESH)) return directory();
    try {
      await refresh();
    } catch (error) {
      const isOpen = lookedAt !== null && position === 0;
      if (!isOpen && !isWithin(TOO_OLD)) throw error;
    }
    return directory();
  };
}
