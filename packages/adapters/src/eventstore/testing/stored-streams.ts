import { type AppendDecision, decideAppend, type Expected } from "./append-decision.ts";

export type Proposed = Readonly<{
  id: string;
  type: string;
  contentType: string;
  metadata: Uint8Array;
  data: Uint8Array;
}>;

export type Stored = Proposed & Readonly<{ revision: number; createdMs: number; position: number }>;

type Stream = {
  readonly events: Stored[];
  readonly ids: string[];
  readonly cache: Map<string, number>;
  replicated: number;
  isTombstoned: boolean;
};

/** What a reader of a node finds. */
export type Visible =
  | Readonly<{ is: "missing" }>
  | Readonly<{ is: "deleted" }>
  /** Of the events by revision those from `first` to `last`; truncation may hide `last` too. */
  | Readonly<{ is: "found"; events: readonly Stored[]; first: number; last: number }>;

/** Above it the number of a revision does not fit in a double: the mark of a soft delete. */
const DELETED_BEFORE = Number.MAX_SAFE_INTEGER;

/**
 * The streams of a cluster. An append is in the log at once, where the next append's check sees it,
 * and readable when it is replicated.
 */
export function createStoredStreams(now: () => number) {
  const streams = new Map<string, Stream>();
  const listeners = new Set<() => void>();
  let position = 0;
  let isHeld = false;

  const streamOf = (name: string): Stream => {
    const stream = streams.get(name) ?? newStream();
    streams.set(name, stream);
    return stream;
  };
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };

  function write(name: string, events: readonly Proposed[]): void {
    const stream = streamOf(name);
    for (const event of events) {
      const revision = stream.events.length;
      position += 1;
      stream.events.push({ ...event, revision, createdMs: now(), position });
      stream.ids.push(event.id);
      stream.cache.set(event.id, revision);
    }
    if (!isHeld) stream.replicated = stream.events.length - 1;
    tell();
  }

  /** Truncation as the last replicated `$metadata` of the stream says it. */
  function truncationOf(name: string) {
    const meta = streams.get(`$$${name}`);
    const last = meta?.events[meta.replicated];
    const { $tb, $maxCount, $maxAge } = last === undefined ? {} : metadataOf(last);
    return { before: $tb ?? 0, maxCount: $maxCount, maxAgeS: $maxAge };
  }

  const isSoftDeleted = (name: string) => truncationOf(name).before >= DELETED_BEFORE;

  function setMetadata(name: string, changes: Readonly<Record<string, unknown>>): void {
    const meta = streams.get(`$$${name}`)?.events.at(-1);
    const metadata = { ...(meta === undefined ? {} : metadataOf(meta)), ...changes };
    write(`$$${name}`, [metadataEvent(metadata)]);
  }

  function append(name: string, expected: Expected, events: readonly Proposed[]): AppendDecision {
    const { isTombstoned, replicated, cache, ids } = streams.get(name) ?? newStream();
    const state = { isTombstoned, replicated, cache, ids, isSoftDeleted: isSoftDeleted(name) };
    const decision = decideAppend(
      state,
      expected,
      events.map(({ id }) => id),
    );
    if (decision.is !== "written" || events.length === 0) return decision;
    // A soft-deleted stream goes on where it was; what stood before stays hidden.
    if (state.isSoftDeleted) setMetadata(name, { $tb: ids.length });
    write(name, events);
    return decision;
  }

  function read(name: string, lagging = 0): Visible {
    const stream = streams.get(name);
    if (stream?.isTombstoned) return { is: "deleted" };
    const last = (stream?.replicated ?? -1) - lagging;
    if (stream === undefined || last < 0 || isSoftDeleted(name)) return { is: "missing" };
    const { before, maxCount, maxAgeS } = truncationOf(name);
    const oldest = maxAgeS === undefined ? Number.NEGATIVE_INFINITY : now() - 1000 * maxAgeS;
    let first = Math.max(before, maxCount === undefined ? 0 : last + 1 - maxCount);
    while (first <= last && (stream.events[first]?.createdMs ?? 0) < oldest) first += 1;
    return { is: "found", events: stream.events, first, last };
  }

  return {
    append,
    read,
    setMetadata,
    /** As the server does it: everything up to the last possible revision is truncated. */
    softDelete: (name: string) => write(`$$${name}`, [metadataEvent(SOFT_DELETED)]),
    /** The last revision, with what is not replicated yet; -1 without a stream. */
    lastRevision: (name: string) => (streams.get(name)?.events.length ?? 0) - 1,
    /** Everything that was ever written to a stream and not lost, for assertions. */
    everything: (name: string): readonly Stored[] => streams.get(name)?.events ?? [],
    names: () => [...streams.keys()],
    tombstone: (name: string) => {
      streamOf(name).isTombstoned = true;
      tell();
    },
    /** From now on appends stay unreadable and unacknowledged. */
    holdReplication: () => {
      isHeld = true;
    },
    replicate: () => {
      isHeld = false;
      for (const stream of streams.values()) stream.replicated = stream.events.length - 1;
      tell();
    },
    /** An election: what was not replicated is gone. */
    loseUnreplicated: () => {
      isHeld = false;
      for (const stream of streams.values()) {
        stream.events.splice(stream.replicated + 1);
        for (const id of stream.ids.splice(stream.replicated + 1)) stream.cache.delete(id);
      }
      tell();
    },
    isReplicated: (name: string, revision: number) =>
      (streams.get(name)?.replicated ?? -1) >= revision,
    /** A node that starts again remembers no ids. */
    forgetIds: () => {
      for (const { cache } of streams.values()) cache.clear();
    },
    /** Calls the listener after every change, until the answer is called. */
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export type StoredStreams = ReturnType<typeof createStoredStreams>;

const newStream = (): Stream => ({
  events: [],
  ids: [],
  cache: new Map(),
  replicated: -1,
  isTombstoned: false,
});

type Metadata = { $tb?: number; $maxCount?: number; $maxAge?: number };

const metadataOf = ({ data }: Stored): Metadata => JSON.parse(Buffer.from(data).toString());

const SOFT_DELETED = '{"$tb":9223372036854775807}';

const metadataEvent = (metadata: object | string): Proposed => ({
  id: crypto.randomUUID(),
  type: "$metadata",
  contentType: "application/json",
  metadata: new Uint8Array(),
  data: Buffer.from(typeof metadata === "string" ? metadata : JSON.stringify(metadata)),
});
