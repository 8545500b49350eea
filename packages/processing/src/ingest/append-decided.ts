import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { APPEND_EVENTS_MAX, cutAppends } from "@counterfoil/core/ingest/event";
import type { Clock } from "../ports/clock.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import {
  type AppendResult,
  BETWEEN_MAX,
  type EventStream,
  type KnownEvents,
  mayFollow,
} from "../ports/event-stream.ts";
import { type RandomFraction, type RetryPolicy, retry } from "../ports/retry.ts";

/** A writer that appends concurrently with a busy ingestor. */
export type ConcurrentWriter = Readonly<{
  stream: EventStream;
  clock: Clock;
  random?: RandomFraction;
  signal?: AbortSignal;
}>;

/**
 * Retries for an engine that cannot append after other writers' events (EventStoreDB). The pauses are
 * short, because an attempt succeeds only if it quickly follows the head that it read. Beside an
 * ingestor that never pauses, about every second attempt succeeds; if only one in fifty did, all
 * attempts would fail once in half a billion times.
 */
export const CONTENTION_RETRY: RetryPolicy = { attemptsMax: 1000, delayMsMin: 1, delayMsMax: 100 };

/** Every attempt conflicted with other writers. Nothing is partly written. */
class AppendConflicted extends StreamUnavailable {}

/**
 * Retries an append while it conflicts with other writers.
 *
 * @param append reads the head and appends after it, with as little work in between as possible
 * @throws StreamUnavailable if all attempts conflict
 */
export async function appendContended(
  { clock, random, signal }: Pick<ConcurrentWriter, "clock" | "random" | "signal">,
  append: () => Promise<AppendResult["outcome"]>,
): Promise<void> {
  const attempt = async () => {
    if ((await append()) === "conflict") throw new AppendConflicted(CONFLICTED);
  };
  const isTransient = (error: unknown) => error instanceof AppendConflicted;
  await retry(attempt, {
    ...CONTENTION_RETRY,
    isTransient,
    clock,
    signal,
    ...(random && { random }),
  });
}

const CONFLICTED = `other writers came first, ${CONTENTION_RETRY.attemptsMax} times in a row or until this was stopped: what was appended stays, and running it again goes on from there`;

/**
 * Finds what is known of some facts, decides, and appends the resulting events. A decision may take
 * much longer than an ingestor's next append, so it is repeated only if an event appended in between
 * concerns its facts; otherwise its events are appended after the new head. On engines that cannot
 * check those events themselves, large appends are slow as well: after each conflict the next attempt
 * appends half as many events, down to one.
 *
 * @returns the appended events in order; none if there was nothing to append
 */
export async function appendDecided(
  writer: ConcurrentWriter,
  ids: readonly string[],
  decide: (known: KnownEvents["known"]) => readonly NewEvent[],
): Promise<readonly NewEvent[]> {
  const { stream } = writer;
  const appended: NewEvent[] = [];
  let decided = await decideNow(stream, ids, decide);
  let size = APPEND_EVENTS_MAX;
  let hasConflicted = false;

  async function appendPart(): Promise<AppendResult["outcome"]> {
    if (hasConflicted) {
      decided = (await rebase(stream, decided)) ?? (await decideNow(stream, ids, decide));
    }
    const [part = []] = cutAppends(decided.events.slice(0, size));
    if (part.length === 0) return "appended";
    const result = await stream.append(decided.after, part, [], decided.facts);
    hasConflicted = result.outcome === "conflict";
    size = hasConflicted ? Math.ceil(size / 2) : Math.min(APPEND_EVENTS_MAX, 2 * size);
    if (result.outcome === "conflict") return "conflict";
    appended.push(...part);
    const rest = decided.events.slice(part.length);
    decided = { ...decided, after: result.head.position, events: rest };
    return "appended";
  }

  while (decided.events.length > 0) await appendContended(writer, appendPart);
  return appended;
}

/** A decision: events to append after a position, decided from the stream up to it. */
type Decided = Readonly<{
  after: number;
  events: readonly NewEvent[];
  /** The decision is invalid once another event concerns one of these facts. */
  facts: ReadonlySet<string>;
}>;

async function decideNow(
  stream: EventStream,
  ids: readonly string[],
  decide: (known: KnownEvents["known"]) => readonly NewEvent[],
): Promise<Decided> {
  const { head, known } = await stream.findByIds(ids);
  const events = decide(known);
  const facts = new Set([...ids, ...events.map(({ id }) => id)]);
  return { after: head.position, events, facts };
}

/** Moves a decision after the current head. @returns null if an event in between concerns one of its facts */
async function rebase(stream: EventStream, decided: Decided): Promise<Decided | null> {
  for (let { after } = decided; ; ) {
    const page = await stream.read({ after, limit: BETWEEN_MAX });
    if (!mayFollow(page, decided.facts)) return null;
    after = page.at(-1)?.position ?? after;
    // A page cut by its size has more events after it: the append conflicts, and the retry reads on from here.
    if (page.length < BETWEEN_MAX) return { ...decided, after };
  }
}
