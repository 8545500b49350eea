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
  /** The last event's place; position 0 and the hash of the ledger's name on an empty stream. */
  head(): Promise<Head>;

  /**
   * Appends all events after `expectedPosition`, or none. The bodies become readable with them, in
   * the same transaction where the engine has one; a body that is there already is left alone, and
   * one whose `BodyErased` is on the stream is not stored again.
   * Resolves only when everything is durable.
   *
   * With `unlessAbout`, other events may have come in between, up to `BETWEEN_MAX` and what one page
   * holds, as long as none is about one of these ids (`isAboutAny`): the engine looks while nobody
   * else can append, so that whoever decided slowly still wins against a writer that never pauses.
   * EventStoreDB has no such moment, and answers `conflict`.
   */
  append(
    expectedPosition: number,
    events: readonly NewEvent[],
    bodies?: readonly Body[],
    unlessAbout?: ReadonlySet<string>,
  ): Promise<AppendResult>;

  /**
   * Events after a position, in order, or backwards from the last: at most `limit`, and
   * `PAGE_BYTES_MAX` of data. With `types`, those only. A page may be short although more follow;
   * only an empty one is the end.
   */
  read(query: ReadQuery): Promise<readonly RecordedEvent[]>;

  /**
   * The events at these positions, each named once and in order, those that are there. A page may be
   * short where events are long; only an empty one is the end.
   */
  readAt(positions: readonly number[]): Promise<readonly RecordedEvent[]>;

  /** Which of these ids are known, and what later events said of them, as of `head`. */
  findByIds(ids: readonly string[]): Promise<KnownEvents>;

  /** Where these ids are and what amends them, by the index that `findByIds` asks; no event is read. */
  findPositions(ids: readonly string[]): Promise<ReadonlyMap<string, FoundPositions>>;

  /** The exact bytes of a delivery; null where they are not here (never were, or erased). */
  body(sha256: string): Promise<Uint8Array | null>;

  /**
   * The bytes of several, of those that are here, by their digests: one call of the engine. All are in
   * memory at once: `readBodies` asks for as many as fit.
   */
  bodies(digests: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;

  /**
   * Removes bodies whose `BodyErased` is on the stream, from every file of the engine, as far as it
   * reaches; once more where they are gone already. Digests of others are left alone.
   *
   * @returns where their bytes may be left all the same, and until when
   * @throws StreamUnavailable where that is not certain: they are to be erased once more
   */
  eraseBodies(digests: readonly string[]): Promise<readonly OutOfReach[]>;

  /**
   * Resolves when the head may have passed `after`, or when the signal aborts. A hint: it may
   * resolve early, and callers poll slowly besides.
   */
  waitForAppend(after: number, signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/**
 * A page ends with the event that brings its data to so many bytes, however many events were asked
 * for: what reads the stream lives in bounded memory, and holds at least one event. Ten thousand
 * ordinary events take about as much.
 */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** A body that a delivery names; `length` in bytes. */
export type NamedBody = Readonly<{ sha256: string; length: number }>;

/** Bodies in the order in which they are named, null where one is not here: by groups that fit into memory. */
export async function* readBodies<T extends NamedBody>(
  stream: Pick<EventStream, "bodies">,
  named: Iterable<T>,
): AsyncGenerator<readonly [T, Uint8Array | null]> {
  for (const group of groupsOf(named)) {
    const found = await stream.bodies(group.map(({ sha256 }) => sha256));
    for (const one of group) yield [one, found.get(one.sha256) ?? null];
  }
}

/** Few enough for one statement, and no more bytes than a page of events has. */
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

/** The first page of events that an engine has at hand or brings one by one. */
export function takePage(
  events: Iterable<RecordedEvent>,
  bytesMax: number = PAGE_BYTES_MAX,
): RecordedEvent[] {
  return takeWithin(events, bytesMax, dataLength);
}

/** Whether nothing followed when the page was read, for certain. */
export function isLastPage(page: readonly RecordedEvent[], limit: number): boolean {
  return isWhole(page, { limit, bytesMax: PAGE_BYTES_MAX }, dataLength);
}

const dataLength = ({ data }: RecordedEvent): number => data.length;

/** All others wait while an engine looks at what came in between. */
export const BETWEEN_MAX = 1000;

/**
 * How many events an engine has to look at before it appends.
 *
 * @returns null where it is a conflict without a look
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
 * Whether an append may follow the events that came in between.
 *
 * @param count how many came: long ones do not all stand on one page, and about those that are not
 *   at hand nothing is known
 */
export function mayFollow(
  between: readonly RecordedEvent[],
  unlessAbout: ReadonlySet<string> = NOTHING,
  count: number = between.length,
): boolean {
  return between.length === count && !between.some((event) => isAboutAny(event, unlessAbout));
}

const NOTHING: ReadonlySet<string> = new Set();

/** Where bytes that were erased may lie still, and what ends it. */
export type OutOfReach = Readonly<{ where: string; until: string }>;

export type Body = Readonly<{ sha256: string; bytes: Uint8Array }>;

export type ReadQuery = Readonly<{
  after: number;
  /** The last position that is looked at; the head unless it is given. */
  upTo?: number;
  limit: number;
  types?: readonly string[];
  order?: ReadOrder;
}>;

/** `desc`: the newest first. */
type ReadOrder = "asc" | "desc";

/** A query in full, as engines answer it. */
export type ReadRange = Required<Omit<ReadQuery, "types">>;

export const rangeOf = ({ after, upTo, limit, order = "asc" }: ReadQuery): ReadRange => ({
  ...{ after, limit, order },
  upTo: upTo ?? Number.MAX_SAFE_INTEGER,
});

/**
 * Types of which a ledger has millions: reading them alone means reading all. Every other type is
 * found by an index of its own, which these do not pay for. Part of every engine's format 1, since
 * such an index holds what was no bulk type when it was made.
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
  /** The head was not where it may be; nothing was written. */
  | Readonly<{ outcome: "conflict" }>;

export type KnownEvents = Readonly<{ head: Head; known: ReadonlyMap<string, KnownEvent> }>;

/** An event's position, and those of the events whose `about` names it, in order. */
export type FoundPositions = Readonly<{ position: number; amendments: readonly number[] }>;

/** An event, and those whose `about` names it (seen, contradicted, corrected, withdrawn), in order. */
export type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;

const PAGE = 500;

/** Every event of some types up to the present head, in order. */
export async function* readAll(
  stream: EventStream,
  types: readonly FactType[],
  after = 0,
): AsyncGenerator<RecordedEvent> {
  for await (const events of pagesOf(stream, types, after)) yield* events;
}

/** The same, as it is read. */
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

const POLL_MS = 1000;

/** Resolves when the stream may have grown past a position: its hints may be lost, so not much later. */
export async function waitForMore(
  { stream, clock }: Readonly<{ stream: EventStream; clock: Clock }>,
  after: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const waits = [stream.waitForAppend(after, either), clock.sleep(POLL_MS, either)];
  try {
    await Promise.race(waits);
  } finally {
    // Leaves neither a waiter nor a sleeper behind.
    over.abort();
    await Promise.allSettled(waits);
  }
}
