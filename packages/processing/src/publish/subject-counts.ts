import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { EMPTY_DIGEST, type Hashing } from "@counterfoil/core/hashing";
import { integer, own, text } from "../models/columns.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Commit, ModelCatalogue, ModelStore, Row, Table } from "../ports/model-store.ts";
import { subjectName } from "../projection/stopped.ts";
import { isOnStream } from "../stream-guard.ts";

/**
 * The number of events of each subject up to a position, from which every fact gets its number. The
 * counts are stored beside the read models and can be dropped: they are recounted from the stream.
 * They are committed after the broker's transaction, so they are never ahead of the published
 * position, and catch up from the stream when a publisher opens.
 */
export interface SubjectCounts {
  /** Numbers the next events 1, 2, 3 … for each subject. */
  numberEvents(events: readonly RecordedEvent[]): Promise<readonly number[]>;
  /** Stores the counts after the events were published. */
  commit(upTo: CountedTo): Promise<void>;
  /** Stores the number of stopped keys, so that status queries need no broker. */
  storeStoppedKeys(keys: number): Promise<void>;
  /** Stores that publishing is not refused, see `storeRefusal`. */
  storeAccepted(): Promise<void>;
  close(): Promise<void>;
}

type CountedTo = Readonly<{ position: number; hash: string }>;

type SubjectCountsOptions = Readonly<{
  catalogue: ModelCatalogue;
  stream: EventStream;
  hashing: Hashing;
}>;

const STORE = "publisher";
/** 3 adds the number of stopped keys; 2 counts by `subjectName`, because a subject may be longer than a key. */
const VERSION = 3;

const SUBJECTS: Table = {
  name: "subjects",
  columns: { subject: own(text), count: own(integer) },
  key: ["subject"],
  indexes: [],
  digested: "none",
};

/** A row with the number of stopped keys, and one whose number is 1 while publishing is refused. */
const PUBLISHED: Table = {
  name: "published",
  columns: { id: own(text), stopped_keys: own(integer) },
  key: ["id"],
  indexes: [],
  digested: "none",
};
const PUBLISHED_ID = "publisher";
/** No column, with which the table would be laid out anew, and every subject counted once more. */
const REFUSED_ID = "refused";

/** Size of the cache of counts; the least recently used are evicted. */
const CACHED_MAX = 50_000;
const PAGE = 2000;

/**
 * Opens the counts at the publisher's position.
 *
 * @throws engine errors
 */
export async function openSubjectCounts(
  { catalogue, stream, hashing }: SubjectCountsOptions,
  { position }: CountedTo,
): Promise<SubjectCounts> {
  const store = await openStore({ catalogue, stream }, position);
  try {
    const counts = await createSubjectCounts(store, hashing);
    for (let after = (await store.checkpoint()).position; after < position; ) {
      const events = await stream.read({ after, limit: Math.min(PAGE, position - after) });
      const last = events.at(-1);
      if (last === undefined) throw new ModelUnavailable(`the stream ends before ${position}`);
      await counts.numberEvents(events);
      await counts.commit(last);
      after = last.position;
    }
    return counts;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Opens the existing store; creates a new one if it is ahead or counted another stream. */
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
  return createStore(catalogue);
}

async function createStore(catalogue: ModelCatalogue): Promise<ModelStore> {
  const created = await catalogue.create(STORE, {
    tables: [SUBJECTS, PUBLISHED],
    modelVersion: VERSION,
  });
  return catalogue.openForWriting(STORE, created ?? 1);
}

type Count = { count: number; isStored: boolean };

async function createSubjectCounts(store: ModelStore, hashing: Hashing): Promise<SubjectCounts> {
  let committed = (await store.checkpoint()).position;
  const cache = createCache(store);
  return {
    async numberEvents(events) {
      const names = events.map(({ subject }) => subjectName(subject, hashing));
      await cache.load(names);
      return names.map((name) => cache.next(name));
    },
    async commit(upTo) {
      const found = (await store.checkpoint()).position;
      // A publisher suspended while another took over must not overwrite newer counts.
      if (found !== committed) {
        throw new ModelUnavailable(
          `the publisher's counts stand at ${found}, not at ${committed} where this publisher left them`,
        );
      }
      await store.commit(commitOf(cache.changed, upTo));
      committed = upTo.position;
      cache.markStored();
    },
    storeStoppedKeys: (keys) => putPublished(store, { id: PUBLISHED_ID, stopped_keys: keys }),
    storeAccepted: () => putPublished(store, { id: REFUSED_ID, stopped_keys: 0 }),
    close: () => store.close(),
  };
}

async function putPublished(store: ModelStore, row: Row): Promise<void> {
  const checkpoint = await store.checkpoint();
  const puts = [{ table: PUBLISHED, rows: [row] }];
  await store.commit({ inserts: [], deletes: [], puts, checkpoint });
}

/**
 * Stores that publishing is refused until somebody corrects something, so that status queries say so,
 * also if nothing was ever published. Only for the holder of the publisher's lock, between two sessions.
 *
 * @throws engine errors
 */
export async function storeRefusal(catalogue: ModelCatalogue): Promise<void> {
  const current = await currentStore(catalogue);
  const store = await (current === undefined
    ? createStore(catalogue)
    : catalogue.openForWriting(STORE, current.generation));
  try {
    await putPublished(store, { id: REFUSED_ID, stopped_keys: 1 });
  } finally {
    await store.close();
  }
}

const currentStore = async (catalogue: ModelCatalogue) =>
  (await catalogue.generations(STORE)).findLast(({ modelVersion }) => modelVersion === VERSION);

export type PublishedTo = Readonly<{
  position: number;
  stoppedKeys: number;
  /** Until somebody corrects what the publisher's log names. */
  isRefused: boolean;
}>;

/**
 * The published position as stored beside the models, slightly behind the broker.
 *
 * @returns null if no publisher of the ledger has got so far as to be refused
 */
export async function readPublished(catalogue: ModelCatalogue): Promise<PublishedTo | null> {
  const store = await currentStore(catalogue);
  if (store === undefined) return null;
  const reader = await catalogue.openForReading(STORE, store.generation);
  try {
    return await reader.snapshot(async (rows, { position }) => {
      const published = await rows.get(PUBLISHED, [PUBLISHED_ID]);
      const refused = await rows.get(PUBLISHED, [REFUSED_ID]);
      return {
        position,
        stoppedKeys: Number(published?.stopped_keys ?? 0),
        isRefused: Number(refused?.stopped_keys ?? 0) === 1,
      };
    });
  } finally {
    await reader.close();
  }
}

/** The counts of recently used subjects, and those changed since the last commit. */
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
