import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import type { Clock } from "../ports/clock.ts";
import { eventIdTaken } from "../ports/errors.ts";
import {
  type Body,
  countBetween,
  type EventStream,
  type KnownEvent,
  mayFollow,
  rangeOf,
  takePage,
} from "../ports/event-stream.ts";

/** What several instances of one stream share, as processes share a file. */
export type MemoryStreamStorage = Readonly<{
  events: RecordedEvent[];
  known: Map<string, KnownEvent & { readonly amendments: RecordedEvent[] }>;
  bodies: Map<string, Uint8Array>;
  waiters: Set<Waiter>;
}>;

type Waiter = Readonly<{ after: number; wake: () => void }>;

export function createMemoryStreamStorage(): MemoryStreamStorage {
  return { events: [], known: new Map(), bodies: new Map(), waiters: new Set() };
}

type MemoryStreamOptions = Readonly<{
  ledger: string;
  hashing: Hashing;
  clock: Clock;
  storage?: MemoryStreamStorage;
}>;

/** A stream that lives as long as its storage; every method does its work in one step. */
export function createMemoryEventStream(options: MemoryStreamOptions): EventStream {
  const { ledger, hashing, clock, storage = createMemoryStreamStorage() } = options;
  const { events, known, bodies, waiters } = storage;
  const empty = emptyHead(ledger, hashing);
  const waiting = createWaiting(storage);
  const head = () => {
    const last = events.at(-1);
    return last === undefined ? empty : headOf(last);
  };
  return {
    head: async () => head(),
    append: async (expectedPosition, added, withBodies = [], unlessAbout) => {
      const count = countBetween(expectedPosition, head(), unlessAbout);
      if (count === null || !mayFollow(events.slice(expectedPosition), unlessAbout)) {
        return { outcome: "conflict" };
      }
      checkIds(added, known);
      const isErased = (sha256: string) => known.has(bodyErasedId(sha256, hashing));
      keepBodies(
        bodies,
        withBodies.filter(({ sha256 }) => !isErased(sha256)),
      );
      const now = clock.now();
      for (const event of added)
        record(storage, event.about, sealEvent(head(), event, now, hashing));
      for (const waiter of [...waiters]) if (waiter.after < events.length) waiter.wake();
      return { outcome: "appended", head: head() };
    },
    read: async ({ types, ...query }) => {
      const { upTo, limit, order, ...from } = rangeOf(query);
      const after = Math.max(from.after, 0);
      // Most read on from where they are, and the slice of all that follows grows with the stream.
      const isPage = types === undefined && order === "asc";
      const range = events.slice(after, isPage ? Math.min(upTo, after + limit) : Math.max(upTo, 0));
      const wanted = types === undefined ? range : range.filter(({ type }) => types.includes(type));
      return takePage((order === "asc" ? wanted : wanted.reverse()).slice(0, limit));
    },
    readAt: async (positions) =>
      takePage(positions.flatMap((position) => events[position - 1] ?? [])),
    findByIds: async (ids) => {
      const found = new Map<string, KnownEvent>();
      for (const id of ids) {
        const entry = known.get(id);
        if (entry) found.set(id, { event: entry.event, amendments: [...entry.amendments] });
      }
      return { head: head(), known: found };
    },
    findPositions: async (ids) =>
      new Map(
        ids.flatMap((id) => {
          const entry = known.get(id);
          if (entry === undefined) return [];
          const amendments = entry.amendments.map(({ position }) => position);
          return [[id, { position: entry.event.position, amendments }]];
        }),
      ),
    body: async (sha256) => bodies.get(sha256)?.slice() ?? null,
    bodies: async (digests) =>
      new Map(
        digests.flatMap((sha256) => {
          const bytes = bodies.get(sha256);
          return bytes === undefined ? [] : [[sha256, bytes.slice()]];
        }),
      ),
    eraseBodies: async (digests) => {
      for (const sha256 of digests) {
        if (known.has(bodyErasedId(sha256, hashing))) bodies.delete(sha256);
      }
      return [];
    },
    waitForAppend: waiting.wait,
    close: async () => waiting.close(),
  };
}

function record(
  { events, known }: MemoryStreamStorage,
  amends: string | null,
  sealed: RecordedEvent,
): void {
  events.push(sealed);
  known.set(sealed.id, { event: sealed, amendments: [] });
  if (amends !== null) known.get(amends)?.amendments.push(sealed);
}

/** The waiters of one instance; an append by any instance wakes them. */
function createWaiting({ events, waiters }: MemoryStreamStorage) {
  const ours = new Set<Waiter>();
  const wait: EventStream["waitForAppend"] = (after, signal) =>
    new Promise((resolve) => {
      if (signal.aborted || events.length > after) return resolve();
      const wake = () => {
        waiters.delete(waiter);
        ours.delete(waiter);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const waiter = { after, wake };
      signal.addEventListener("abort", wake);
      waiters.add(waiter);
      ours.add(waiter);
    });
  const close = () => {
    for (const waiter of [...ours]) waiter.wake();
  };
  return { wait, close };
}

/** @throws EventIdTaken */
function checkIds(events: readonly NewEvent[], known: ReadonlyMap<string, unknown>): void {
  const ids = events.map(({ id }) => id);
  const stored = ids.find((id) => known.has(id));
  if (stored !== undefined || new Set(ids).size < ids.length) {
    throw eventIdTaken(ids, stored ?? null);
  }
}

function keepBodies(bodies: Map<string, Uint8Array>, added: readonly Body[]): void {
  for (const { sha256, bytes } of added) {
    if (!bodies.has(sha256)) bodies.set(sha256, bytes.slice());
  }
}
