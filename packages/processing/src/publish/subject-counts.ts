import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { EMPTY_DIGEST, type Hashing } from "@counterfoil/core/hashing";
import { integer, own, text } from "../models/columns.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Commit, ModelCatalogue, ModelStore, Row, Table } from "../ports/model-store.ts";
import { subjectName } from "../projection/projection.ts";
import { isOnStream } from "../stream-guard.ts";

/**
 * How many events each subject has had up to a position, so that every fact gets its number. They
 * are stored beside the read models and can be thrown away: they are counted again from the stream.
 * They are committed after the broker's transaction, so they are never ahead of what was published,
 * and are brought forward from the stream when a publisher opens.
 */
export interface SubjectCounts {
  /** The events' numbers, 1, 2, 3 … for each subject. The events follow those counted before. */
  number(events: readonly RecordedEvent[]): Promise<readonly number[]>;
  /** Stores what was counted, after it was published. */
  commit(upTo: CountedTo): Promise<void>;
  /** Stores how many keys are stopped: those who look at the ledger do not ask the broker. */
  noteStopped(keys: number): Promise<void>;
  close(): Promise<void>;
}

type CountedTo = Readonly<{ position: number; hash: string }>;

type SubjectCountsOptions = Readonly<{
  catalogue: ModelCatalogue;
  stream: EventStream;
  hashing: Hashing;
}>;

const STORE = "publisher";
/** 3: with the keys that are stopped; 2: by `subjectName`, since a subject may be longer than a key. */
const VERSION = 3;

const SUBJECTS: Table = {
  name: "subjects",
  columns: { subject: own(text), count: own(integer) },
  key: ["subject"],
  indexes: [],
  digested: "none",
};

/** One row: what else an operator asks of publishing. */
const PUBLISHED: Table = {
  name: "published",
  columns: { id: own(text), stopped_keys: own(integer) },
  key: ["id"],
  indexes: [],
  digested: "none",
};
const ONLY = "publisher";

/** Counts that are cached; beyond, those that were not used for longest are dropped. */
const CACHED_MAX = 50_000;
const PAGE = 2000;

/**
 * Opens the counts exactly at the publisher's position.
 *
 * @throws engine errors as they come.
 */
export async function openSubjectCounts(
  { catalogue, stream, hashing }: SubjectCountsOptions,
  { position }: CountedTo,
): Promise<SubjectCounts> {
  const store = await openStore({ catalogue, stream }, position);
  const counts = await countsIn(store, hashing);
  try {
    for (let after = (await store.checkpoint()).position; after < position; ) {
      const events = await stream.read({ after, limit: Math.min(PAGE, position - after) });
      const last = events.at(-1);
      if (last === undefined) throw new ModelUnavailable(`the stream ends before ${position}`);
      await counts.number(events);
      await counts.commit(last);
      after = last.position;
    }
    return counts;
  } catch (error) {
    await counts.close();
    throw error;
  }
}

/** The store that is there; a new one where it has counted further, or another stream. */
async function openStore(
  { catalogue, stream }: Omit<SubjectCountsOptions, "hashing">,
  position: number,
): Promise<ModelStore> {
  for (const { generation, modelVersion, checkpoint } of await catalogue.generations(STORE)) {
    const isUsable = modelVersion === VERSION && checkpoint.position <= position;
    if (isUsable && (await isOnStream(stream, checkpoint))) {
      return catalogue.openForWriting(STORE, generation);
    }
    await catalogue.drop(STORE, generation);
  }
  const created = await catalogue.create(STORE, {
    tables: [SUBJECTS, PUBLISHED],
    modelVersion: VERSION,
  });
  return catalogue.openForWriting(STORE, created ?? 1);
}

type Count = { count: number; isStored: boolean };

async function countsIn(store: ModelStore, hashing: Hashing): Promise<SubjectCounts> {
  let committed = (await store.checkpoint()).position;
  const cache = createCache(store);
  return {
    async number(events) {
      const names = events.map(({ subject }) => subjectName(subject, hashing));
      await cache.load(names);
      return names.map((name) => cache.next(name));
    },
    async commit(upTo) {
      const found = (await store.checkpoint()).position;
      // A publisher that was suspended while another took over must not overwrite newer counts.
      if (found !== committed) {
        throw new ModelUnavailable(
          `the publisher's counts stand at ${found}, not at ${committed} where this publisher left them`,
        );
      }
      await store.commit(commitOf(cache.changed, upTo));
      committed = upTo.position;
      cache.markStored();
    },
    async noteStopped(keys) {
      const rows = [{ id: ONLY, stopped_keys: keys }];
      const checkpoint = await store.checkpoint();
      await store.commit({
        ...{ inserts: [], deletes: [], checkpoint },
        puts: [{ table: PUBLISHED, rows }],
      });
    },
    close: () => store.close(),
  };
}

export type PublishedTo = Readonly<{ position: number; stoppedKeys: number }>;

/**
 * How far the ledger is published, as it is stored beside the models: a moment behind the broker.
 *
 * @returns null where nobody has published it
 */
export async function readPublished(catalogue: ModelCatalogue): Promise<PublishedTo | null> {
  const stores = await catalogue.generations(STORE);
  const store = stores.findLast(({ modelVersion }) => modelVersion === VERSION);
  if (store === undefined) return null;
  const reader = await catalogue.openForReading(STORE, store.generation);
  try {
    return await reader.snapshot(async (rows, { position }) => {
      const published = await rows.get(PUBLISHED, [ONLY]);
      return { position, stoppedKeys: Number(published?.stopped_keys ?? 0) };
    });
  } finally {
    await reader.close();
  }
}

/** The counts of the subjects that were used last, and those that have changed since the last commit. */
function createCache(store: ModelStore) {
  /** Least recently used first. */
  const cached = new Map<string, Count>();
  const changed = new Map<string, Count>();
  return {
    changed: changed as ReadonlyMap<string, Count>,
    async load(subjects: Iterable<string>): Promise<void> {
      const missing = [...new Set(subjects)].filter((subject) => !cached.has(subject));
      if (missing.length === 0) return;
      const rows = await store.select(SUBJECTS, {
        where: [{ column: "subject", is: "in", value: missing }],
        orderBy: ["subject"],
        limit: missing.length,
      });
      const stored = new Map(rows.map(({ subject, count }) => [String(subject), Number(count)]));
      for (const subject of missing) {
        cached.set(subject, { count: stored.get(subject) ?? 0, isStored: stored.has(subject) });
      }
    },
    next(subject: string): number {
      const count = cached.get(subject) ?? { count: 0, isStored: false };
      cached.delete(subject);
      cached.set(subject, count);
      changed.set(subject, count);
      count.count += 1;
      return count.count;
    },
    markStored(): void {
      for (const count of changed.values()) count.isStored = true;
      changed.clear();
      for (const subject of cached.keys()) {
        if (cached.size <= CACHED_MAX) break;
        cached.delete(subject);
      }
    },
  };
}

function commitOf(changed: ReadonlyMap<string, Count>, { position, hash }: CountedTo): Commit {
  const rowsOf = (isStored: boolean): Row[] =>
    [...changed]
      .filter(([, count]) => count.isStored === isStored)
      .map(([subject, { count }]) => ({ subject, count }));
  return {
    inserts: [{ table: SUBJECTS, rows: rowsOf(false) }],
    puts: [{ table: SUBJECTS, rows: rowsOf(true) }],
    deletes: [],
    checkpoint: { position, hash, digest: EMPTY_DIGEST, state_digest: EMPTY_DIGEST },
  };
}
