import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import type { Clock } from "../ports/clock.ts";
import { EventIdTaken } from "../ports/errors.ts";
import type { Body, EventStream, KnownEvent } from "../ports/event-stream.ts";

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

export type MemoryStreamOptions = Readonly<{
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
  const own = new Set<Waiter>();

  const head = () => {
    const last = events.at(-1);
    return last === undefined ? empty : headOf(last);
  };

  function record(event: NewEvent, now: bigint): void {
    const sealed = sealEvent(head(), event, now, hashing);
    events.push(sealed);
    known.set(event.id, { event: sealed, amendments: [] });
    if (event.about !== null) known.get(event.about)?.amendments.push(sealed);
  }

  return {
    head: async () => head(),
    append: async (expectedPosition, added, withBodies = []) => {
      if (head().position !== expectedPosition) return { outcome: "conflict" };
      checkIds(added, known);
      keepBodies(bodies, withBodies);
      const now = clock.now();
      for (const event of added) record(event, now);
      for (const waiter of [...waiters]) if (waiter.after < events.length) waiter.wake();
      return { outcome: "appended", head: head() };
    },
    read: async ({ after, limit, types }) => {
      if (types === undefined) return events.slice(after, after + limit);
      return events
        .slice(after)
        .filter(({ type }) => types.includes(type))
        .slice(0, limit);
    },
    findByIds: async (ids) => {
      const found = new Map<string, KnownEvent>();
      for (const id of ids) {
        const entry = known.get(id);
        if (entry) found.set(id, { event: entry.event, amendments: [...entry.amendments] });
      }
      return { head: head(), known: found };
    },
    body: async (sha256) => bodies.get(sha256)?.slice() ?? null,
    waitForAppend: (after, signal) =>
      new Promise((resolve) => {
        if (signal.aborted || events.length > after) return resolve();
        const wake = () => {
          waiters.delete(waiter);
          own.delete(waiter);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        const waiter = { after, wake };
        signal.addEventListener("abort", wake);
        waiters.add(waiter);
        own.add(waiter);
      }),
    close: async () => {
      for (const waiter of [...own]) waiter.wake();
    },
  };
}

function checkIds(events: readonly NewEvent[], known: ReadonlyMap<string, unknown>): void {
  const seen = new Set<string>();
  for (const { id } of events) {
    if (known.has(id) || seen.has(id)) {
      throw new EventIdTaken(
        `event id ${id} is ${known.has(id) ? "on the stream already" : "twice in one append"}; nothing was appended: look ids up as of the head that you append to`,
      );
    }
    seen.add(id);
  }
}

function keepBodies(bodies: Map<string, Uint8Array>, added: readonly Body[]): void {
  for (const { sha256, bytes } of added) {
    if (!bodies.has(sha256)) bodies.set(sha256, bytes.slice());
  }
}
