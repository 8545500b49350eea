import type { Nanos } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import type { Entry } from "./entry.ts";
import { comparePlaces } from "./line-rule.ts";
import { balanceBefore, RECEIVER_SKEW, type Running, same } from "./report.ts";

/**
 * Where a snapshot can lie among the entries that stand, as far as can be known: its own line says
 * which frames came before and after it; of the rest, what happened before it was asked for (less
 * the receiver's error) came before it, what happened after it arrived (plus that error) came after.
 * Effective times decide this, not arrivals, so that webhooks in any order give one answer.
 */
type Span = Readonly<{
  /** Index of the last entry that surely stands before the snapshot; -1 where none does. */
  from: number;
  /** Index of the first that surely stands after it. */
  to: number;
}>;

/** Whether a snapshot stands as a report of its own, and after which of the entries it lies. */
export type Judgement = Readonly<{ stands: boolean; after: number }>;

/**
 * A snapshot confirms where it equals a balance that the account may have had then; else it stands.
 *
 * @param standing the entries that stand, in order, earlier snapshots included.
 * @param left the balance before the first of them.
 */
export function judgeSnapshot(
  snapshot: Entry,
  standing: readonly Entry[],
  left: Running,
  connections: ReadonlyMap<string, Connection>,
): Judgement {
  const span = spanOf(snapshot, standing, connections);
  return confirms(snapshot, span, standing, left)
    ? { stands: false, after: byArrival(span, snapshot, standing) }
    : { stands: true, after: slotIn(span, snapshot, standing) };
}

/** Whether every entry that the judgement asks for lies in the window. */
export function isJudgeable(
  snapshot: Entry,
  standing: readonly Entry[],
  connections: ReadonlyMap<string, Connection>,
): boolean {
  return spanOf(snapshot, standing, connections).from >= 0;
}

function confirms(
  snapshot: Entry,
  { from, to }: Span,
  standing: readonly Entry[],
  left: Running,
): boolean {
  const { balance } = snapshot;
  if (balance === null) return true;
  const states = (other: Running) => other !== null && same(other, balance, snapshot);
  if (states(from < 0 ? left : (standing[from]?.running ?? null))) return true;
  for (let at = from + 1; at < standing.length && at <= to; at += 1) {
    const entry = standing[at] as Entry;
    if (entry.effectiveAt > snapshot.arrivedAt + RECEIVER_SKEW) return false;
    if (states(balanceBefore(entry))) return true;
    if (at < to && states(entry.running)) return true;
  }
  return false;
}

function spanOf(
  snapshot: Entry,
  standing: readonly Entry[],
  connections: ReadonlyMap<string, Connection>,
): Span {
  const to = firstAfter(snapshot, standing);
  const asked = subscribedAt(snapshot, connections) - RECEIVER_SKEW;
  let from = to - 1;
  while (from >= 0) {
    const entry = standing[from] as Entry;
    if (entry.effectiveAt < asked || isBeforeOnLine(entry, snapshot)) break;
    from -= 1;
  }
  return { from, to };
}

/** The first later frame of its line, or the first entry that happened after it arrived. */
function firstAfter(snapshot: Entry, standing: readonly Entry[]): number {
  const latest = snapshot.arrivedAt + RECEIVER_SKEW;
  let to = standing.length;
  for (let at = standing.length - 1; at >= 0; at -= 1) {
    const entry = standing[at] as Entry;
    if (isBeforeOnLine(entry, snapshot)) break;
    if (isAfterOnLine(entry, snapshot) || entry.effectiveAt > latest) to = at;
  }
  return to;
}

function subscribedAt(
  { key, arrivedAt }: Entry,
  connections: ReadonlyMap<string, Connection>,
): Nanos {
  return connections.get(key.slice(0, key.lastIndexOf(":")))?.openedAt ?? arrivedAt;
}

const onLine = (entry: Entry, snapshot: Entry, isOrdered: (order: number) => boolean): boolean =>
  entry.places.some((place) =>
    snapshot.places.some((own) => own.line === place.line && isOrdered(comparePlaces(place, own))),
  );
const isBeforeOnLine = (entry: Entry, snapshot: Entry) => onLine(entry, snapshot, (o) => o < 0);
const isAfterOnLine = (entry: Entry, snapshot: Entry) =>
  onLine(entry, snapshot, (o) => o > 0) && !isBeforeOnLine(entry, snapshot);

function byArrival({ from, to }: Span, { arrivedAt }: Entry, standing: readonly Entry[]): number {
  let at = from;
  while (at + 1 < to && (standing[at + 1] as Entry).effectiveAt <= arrivedAt) at += 1;
  return at;
}

/**
 * A snapshot that stands shows that something is missing, so it stands where something is: in the
 * last gap before its arrival that it may lie in, else in the first after it, else by its arrival.
 */
function slotIn(span: Span, snapshot: Entry, standing: readonly Entry[]): number {
  const natural = byArrival(span, snapshot, standing);
  const hasGapAfter = (at: number) => {
    const next = standing[at + 1];
    return next !== undefined && next.missing !== null;
  };
  for (let at = natural; at >= span.from; at -= 1) if (hasGapAfter(at)) return at;
  for (let at = natural + 1; at < span.to; at += 1) if (hasGapAfter(at)) return at;
  return natural;
}
