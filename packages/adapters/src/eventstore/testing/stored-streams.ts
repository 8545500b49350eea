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
  replicated: number;
  isTombstoned: boolean;
};

/** A stream as visible to readers of a node. */
export type Visible =
  | Readonly<{ is: "missing" }>
  | Readonly<{ is: "deleted" }>
  /** The visible events are those from `first` to `last` by revision; truncation may hide `last` too. */
  | Readonly<{ is: "found"; events: readonly Stored[]; first: number; last: number }>;

/** Above it the number of a revision does not fit in a double: the mark of a soft delete. */
const DELETED_BEFORE = Number.MAX_SAFE_INTEGER;

/**
 * The streams of a cluster. An append is in the log at once, where the next append's check sees it,
 * and readable when it is replicated.
 */
export function createStoredStreams() {
  const streams = new Map<string, Stream>();
  const listeners = new Set<() => void>();
  let position = 0;
  let isHeld = false;

  const streamOf = (name: string): Stream => {
    const stream = streams.get(name) ?? newStream();
    streams.set(name, stream);
    return stream;
  };
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };

  function write(name: string, events: readonly Proposed[]): void {
    const stream = streamOf(name);
    for (const event of events) {
      const revision = stream.events.length;
      position += 1;
      stream.events.push({ ...event, revision, createdMs: Date.now(), position });
    }
    if (!isHeld) stream.replicated = stream.events.length - 1;
    notify();
  }

  /** The first revision that the last replicated `$metadata` of the stream has left. */
  function firstKept(name: string): number {
    const meta = streams.get(`$$${name}`);
    const last = meta?.events[meta.replicated];
    return (last === undefined ? undefined : metadataOf(last).$tb) ?? 0;
  }

  const isSoftDeleted = (name: string) => firstKept(name) >= DELETED_BEFORE;

  function metadata(name: string): Readonly<Record<string, unknown>> {
    const last = streams.get(`$$${name}`)?.events.at(-1);
    return last === undefined ? {} : metadataOf(last);
  }

  function setMetadata(name: string, changes: Readonly<Record<string, unknown>>): void {
    write(`$$${name}`, [metadataEvent({ ...metadata(name), ...changes })]);
  }

  function append(name: string, expected: number, events: readonly Proposed[]): AppendDecision {
    const stream = streams.get(name) ?? newStream();
    const state = { ...stream, isSoftDeleted: isSoftDeleted(name) };
    const decision = decideAppend(
      state,
      expected,
      events.map(({ id }) => id),
    );
    if (decision.is !== "written" || events.length === 0) return decision;
    // A soft-deleted stream continues its revisions; earlier events stay hidden.
    if (state.isSoftDeleted) setMetadata(name, { $tb: stream.events.length });
    write(name, events);
    return decision;
  }

  function read(name: string, lagging = 0): Visible {
    const stream = streams.get(name);
    if (stream?.isTombstoned) return { is: "deleted" };
    const last = (stream?.replicated ?? -1) - lagging;
    if (stream === undefined || last < 0 || isSoftDeleted(name)) return { is: "missing" };
    return { is: "found", events: stream.events, first: firstKept(name), last };
  }

  return {
    append,
    read,
    metadata,
    setMetadata,
    /** As the server does it: everything up to the last possible revision is truncated. */
    softDelete: (name: string) => write(`$$${name}`, [metadataEvent(SOFT_DELETED)]),
    /** The last revision, including events not replicated yet; -1 without a stream. */
    lastRevision: (name: string) => (streams.get(name)?.events.length ?? 0) - 1,
    /** All events written to a stream and not lost, for assertions. */
    everything: (name: string): readonly Stored[] => streams.get(name)?.events ?? [],
    names: () => [...streams.keys()],
    forget: (name: string) => void streams.delete(name),
    tombstone: (name: string) => {
      streamOf(name).isTombstoned = true;
      notify();
    },
    /** From now on appends stay unreadable and unacknowledged. */
    holdReplication: () => {
      isHeld = true;
    },
    replicate: () => {
      isHeld = false;
      for (const stream of streams.values()) stream.replicated = stream.events.length - 1;
      notify();
    },
    /** An election: events that were not replicated are lost. */
    loseUnreplicated: () => {
      isHeld = false;
      for (const { events, replicated } of streams.values()) events.splice(replicated + 1);
      notify();
    },
    isReplicated: (name: string, revision: number) =>
      (streams.get(name)?.replicated ?? -1) >= revision,
    /** Calls the listener after every change. @returns a function that ends this */
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export type StoredStreams = ReturnType<typeof createStoredStreams>;

const newStream = (): Stream => ({
  events: [],
  replicated: -1,
  isTombstoned: false,
});

const metadataOf = ({ data }: Stored): { $tb?: number } => JSON.parse(Buffer.from(data).toString());

type AppendDecision =
  | Readonly<{ is: "written" }>
  | Readonly<{ is: "repeated"; last: number }>
  /** A repeat of a write that is not replicated yet: the server does not answer. */
  | Readonly<{ is: "not_ready" }>
  | Readonly<{ is: "wrong_version"; current: number }>
  | Readonly<{ is: "deleted" }>;

/** A stream as used by the decision, including events not replicated yet. */
type StreamState = Pick<Stream, "isTombstoned" | "events" | "replicated"> &
  Readonly<{ isSoftDeleted: boolean }>;

/**
 * The server's check of an append, see docs/eventstore.md. It compares ids, never contents, and
 * where the expected revision is the current one not even those.
 */
function decideAppend(
  { isTombstoned, isSoftDeleted, events, replicated }: StreamState,
  expected: number,
  ids: readonly string[],
): AppendDecision {
  if (isTombstoned) return { is: "deleted" };
  const current = events.length - 1;
  if (expected === -1 && isSoftDeleted) return { is: "written" };
  if (ids.length === 0 || expected >= current) {
    return expected === current ? { is: "written" } : { is: "wrong_version", current };
  }
  const fits = ids.every((id, at) => events[expected + 1 + at]?.id === id);
  if (!fits) return { is: "wrong_version", current };
  const last = expected + ids.length;
  return last > replicated ? { is: "not_ready" } : { is: "repeated", last };
}

const SOFT_DELETED = '{"$tb":9223372036854775807}';

const metadataEvent = (metadata: object | string): Proposed => ({
  id: crypto.randomUUID(),
  type: "$metadata",
  contentType: "application/json",
  metadata: new Uint8Array(),
  data: Buffer.from(typeof metadata === "string" ? metadata : JSON.stringify(metadata)),
});
