import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Head } from "@counterfoil/core/stream/chain";

/**
 * One ledger's stream: totally ordered, dense positions from 1, in every engine. Every method may
 * throw `StreamUnavailable` (ports/errors.ts); nothing is retried here.
 */
export interface EventStream {
  /** The last event's place; position 0 and the hash of the ledger's name on an empty stream. */
  head(): Promise<Head>;

  /**
   * Appends all events after `expectedPosition`, or none. The bodies become readable with them, in
   * the same transaction where the engine has one; a body that is there already is left alone.
   * Resolves only when everything is durable.
   */
  append(
    expectedPosition: number,
    events: readonly NewEvent[],
    bodies?: readonly Body[],
  ): Promise<AppendResult>;

  /** Events after a position, in order, at most `limit`. With `types`, those only. */
  read(query: ReadQuery): Promise<readonly RecordedEvent[]>;

  /** Which of these ids are known, and what later events said of them, as of `head`. */
  findByIds(ids: readonly string[]): Promise<KnownEvents>;

  /** The exact bytes of a delivery; null where they are not here (never were, or erased). */
  body(sha256: string): Promise<Uint8Array | null>;

  /**
   * Resolves when the head may have passed `after`, or when the signal aborts. A hint: it may
   * resolve early, and callers poll slowly besides.
   */
  waitForAppend(after: number, signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

export type Body = Readonly<{ sha256: string; bytes: Uint8Array }>;

export type ReadQuery = Readonly<{ after: number; limit: number; types?: readonly string[] }>;

export type AppendResult =
  | Readonly<{ outcome: "appended"; head: Head }>
  /** The head was not at the expected position; nothing was written. */
  | Readonly<{ outcome: "conflict" }>;

export type KnownEvents = Readonly<{ head: Head; known: ReadonlyMap<string, KnownEvent> }>;

/** An event, and those whose `about` names it (seen, contradicted, corrected, withdrawn), in order. */
export type KnownEvent = Readonly<{ event: RecordedEvent; amendments: readonly RecordedEvent[] }>;
