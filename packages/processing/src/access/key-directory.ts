import {
  type ApiKey,
  type ApiKeys,
  evolveKeys,
  KEY_EVENTS,
} from "@counterfoil/core/access/api-key";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { KeyStore } from "../ports/key-store.ts";
import { readAll } from "../queries/read-all.ts";

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
