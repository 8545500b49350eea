import type { FactType } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isWhole, takeWithin } from "@counterfoil/core/exact/text";
import { isAboutAny } from "@counterfoil/core/ingest/fact-state";
import type { Head } from "@counterfoil/core/stream/chain";
import type { Clock } from "./clock.ts";

/**
 * One ledger's stream: totally ordered, dense positions from 1, in every engine. Every method may
 * throw `StreamUnavailable` (ports/errors.ts); nothing is retried here.
 */
export interface EventStream {
  /** The last event's position and hash; position 0 and the hash of the ledger's name on an empty stream. */
  head(): Promise<Head>;

  /**
   * Appends all events after `expectedPosition`, or none. The bodies become readable with them, in
   * the same transaction if the engine supports it. A body that is already stored is left unchanged,
   * and one whose `BodyErased` is on the stream is not stored again.
   * Resolves only when everything is durable.
   *
   * With `unlessAbout`, the append may follow other writers' events, up to `BETWEEN_MAX` and one page,
   * if none of them concerns one of these ids (`isAboutAny`). The engine checks them while no other
   * writer can append, so that a slow decision succeeds beside a writer that never pauses.
   * EventStoreDB has no such lock, and returns `conflict`.
   *
   * Without events and bodies nothing is recorded, but PostgreSQL and SQLite write something and take it
   * back: it fails where an append would. A stream that was opened read-only tries it as a writer would.
   */
  append(
    expectedPosition: number,
    events: readonly NewEvent[],
    bodies?: readonly Body[],
    unlessAbout?: ReadonlySet<string>,
  ): Promise<AppendResult>;

  /**
   * Reads events after a position in order, or backwards from the last: at most `limit`, and
   * `PAGE_BYTES_MAX` of data; with `types`, only those types. A page can be short although more events
   * follow; only an empty page is the end.
   */
  read(query: ReadQuery): Promise<readonly RecordedEvent[]>;

  /**
   * Reads the existing events at these positions, which are ascending and unique. A page can be short
   * if events are long; only an empty page is the end.
   */
  readAt(positions: readonly number[]): Promise<readonly RecordedEvent[]>;

  /** Finds the events with these ids and their amendments, as of `head`. */
  findByIds(ids: readonly string[]): Promise<KnownEvents>;

  /** As `findByIds`, but only the positions in its index, without reading events. */
  findPositions(ids: readonly string[]): Promise<ReadonlyMap<string, FoundPositions>>;

  /** The exact bytes of a delivery; null if they are not stored (never were, or erased). */
  body(sha256: string): Promise<Uint8Array | null>;

  /**
   * The stored bodies among these digests, in one call of the engine. All are in memory at once;
   * `readBodies` reads groups that fit.
   */
  bodies(digests: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;

  /**
   * Removes bodies whose `BodyErased` is on the stream from every file that the engine controls, even
   * if they were removed before. Other bodies are left unchanged.
   *
   * @returns places where their bytes can remain, and until when
   * @throws StreamUnavailable if the removal is uncertain; it has to be repeated
   */
  eraseBodies(digests: readonly string[]): Promise<readonly OutOfReach[]>;

  /**
   * Resolves when the head may have passed `after`, or when the signal aborts. It is only a hint: it
   * can resolve early, and callers also poll slowly.
   */
  waitForAppend(after: number, signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/**
 * A page ends with the event that brings its data to this size, whatever the limit, so that readers use
 * bounded memory. It holds at least one event. Ten thousand ordinary events are about as large.
 */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** A body named by a delivery; `length` in bytes. */
export type NamedBody = Readonly<{ sha256: string; length: number }>;

/** Reads bodies in the given order, in groups that fit into memory; null for a body that is not stored. */
export async function* readBodies<T extends NamedBody>(
  stream: Pick<EventStream, "bodies">,
  named: Iterable<T>,
): AsyncGenerator<readonly [T, Uint8Array | null]> {
  for (const group of groupsOf(named)) {
    const found = await stream.bodies(group.map(({ sha256 }) => sha256));
    for (const one of group) yield [one, found.get(one.sha256) ?? null];
  }
}

/** Groups small enough for one statement, and not larger than a page of events. */
function* groupsOf<T extends NamedBody>(named: Iterable<T>): Generator<readonly T[]> {
  let [group, bytes]: [T[], number] = [[], 0];
  for (const one of named) {
    group.push(one);
    bytes += one.length;
    if (group.length < BODIES_AT_ONCE && bytes < PAGE_BYTES_MAX) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  if (group.length > 0) yield group;
}

const BODIES_AT_ONCE = 500;

/** The first page of an engine's events. */
export function takePage(
  events: Iterable<RecordedEvent>,
  bytesMax: number = PAGE_BYTES_MAX,
): RecordedEvent[] {
  return takeWithin(events, bytesMax, dataLength);
}

/** Whether the page certainly reached the end when it was read. */
export function isLastPage(page: readonly RecordedEvent[], limit: number): boolean {
  return isWhole(page, { limit, bytesMax: PAGE_BYTES_MAX }, dataLength);
}

const dataLength = ({ data }: RecordedEvent): number => data.length;

/** Limit of the events that an engine checks before an append, while other writers wait. */
export const BETWEEN_MAX = 1000;

/**
 * The number of events that an engine has to check before it appends.
 *
 * @returns null if it is a conflict without a check
 */
export function countBetween(
  expectedPosition: number,
  head: Head,
  unlessAbout: ReadonlySet<string> | undefined,
): number | null {
  const count = head.position - expectedPosition;
  if (count === 0) return 0;
  return unlessAbout === undefined || count < 0 || count > BETWEEN_MAX ? null : count;
}

/**
 * Whether an append may follow other writers' events.
 *
 * @param between those events, as far as one page holds them
 * @param count how many there are; it is a conflict if the page does not hold all of them
 */
export function mayFollow(
  between: readonly RecordedEvent[],
  unlessAbout: ReadonlySet<string> = NO_IDS,
  count: number = between.length,
): boolean {
  return between.length === count && !between.some((event) => isAboutAny(event, unlessAbout));
}

const NO_IDS: ReadonlySet<string> = new Set();

/** A place where erased bytes can remain, and what removes them from it. */
export type OutOfReach = Readonly<{ where: string; until: string }>;

/** Whether an append only tries whether another one would succeed. */
export const isTrial = (events: readonly NewEvent[], bodies: readonly Body[]): boolean =>
  events.length + bodies.length === 0;

/** Tries whether the stream takes appends. @throws what an append would be refused with */
export async function tryToAppend(stream: Pick<EventStream, "head" | "append">): Promise<void> {
  const { position } = await stream.head();
  await stream.append(position, [], [], NO_IDS);
}

export type Body = Readonly<{ sha256: string; bytes: Uint8Array }>;

export type ReadQuery = Readonly<{
  after: number;
  /** The last position to read; the head if not given. */
  upTo?: number;
  limit: number;
  types?: readonly string[];
  order?: ReadOrder;
}>;

/** `desc`: the newest first. */
type ReadOrder = "asc" | "desc";

/** A query with its defaults filled in. */
export type ReadRange = Required<Omit<ReadQuery, "types">>;

/** The range of a query, with the defaults for what it leaves out. */
export const rangeOf = ({ after, upTo, limit, order = "asc" }: ReadQuery): ReadRange => ({
  ...{ after, limit, order },
  upTo: upTo ?? Number.MAX_SAFE_INTEGER,
});

/**
 * Types with millions of events in a ledger: reading only these means reading everything. Every other
 * type is found by an index, which these are not part of. The list is part of every engine's format 1,
 * because an existing index covers the types that were not in the list when it was created.
 */
export const BULK_TYPES: ReadonlySet<string> = new Set([
  "DeliveryReceived",
  "RunRecorded",
  "MovementRecorded",
  "BalanceReported",
  "FundsReported",
]);

export type AppendResult =
  | Readonly<{ outcome: "appended"; head: Head }>
  /** The head was not at an allowed position; nothing was written. */
  | Readonly<{ outcome: "conflict" }>;

export type KnownEvents = Readonly<{ head: Head; known: ReadonlyMap<string, KnownEvent> }>;

/** An event's position, and the positions of the events whose `about` names it, in order. */
export type FoundPositions = Readonly<{ position: number; amendments: readonly number[] }>;

/** An event, and those whose `about` names it (seen, contradicted, corrected, withdrawn), in order. */
export type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;

const PAGE = 500;

/** Reads all events of some types up to the current head, in order. */
export async function* readAll(
  stream: EventStream,
  types: readonly FactType[],
  after = 0,
): AsyncGenerator<RecordedEvent> {
  for await (const events of pagesOf(stream, types, after)) yield* events;
}

/** As `readAll`, page by page. */
export async function* pagesOf(
  stream: EventStream,
  types: readonly FactType[],
  after = 0,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let from = after; ; ) {
    const events = await stream.read({ after: from, limit: PAGE, types });
    yield events;
    const last = events.at(-1);
    if (last === undefined || isLastPage(events, PAGE)) return;
    from = last.position;
  }
}

/**
 * Reads the events at these positions page by page, as the engine returns them. A page is also bounded
 * in bytes.
 *
 * @param positions ascending, each once
 */
export async function* pagesAt(
  stream: Pick<EventStream, "readAt">,
  positions: readonly number[],
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let at = 0; at < positions.length; at += PAGE) {
    for (let rest = positions.slice(at, at + PAGE); rest.length > 0; ) {
      const page = await stream.readAt(rest);
      yield page;
      const last = page.at(-1)?.position ?? Number.POSITIVE_INFINITY;
      const left = rest.filter((position) => position > last);
      // An altered stream may answer with events of other positions, and would be asked for ever.
      rest = left.length < rest.length ? left : [];
    }
  }
}

const POLL_MS = 1000;

/** Resolves when the stream may have grown past a position, or after a second, because hints can be lost. */
export async function waitForMore(
  { stream, clock }: Readonly<{ stream: EventStream; clock: Clock }>,
  after: number,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const waits = [stream.waitForAppend(after, either), clock.sleep(POLL_MS, either)];
  try {
    await Promise.race(waits);
  } finally {
    // Ends the wait or the sleep that is still pending.
    done.abort();
    await Promise.allSettled(waits);
  }
}
