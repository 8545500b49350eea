import type { Nanos } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import type { Entry } from "./entry.ts";
import { comparePlaces } from "./line-rule.ts";
import {
  balanceBefore,
  type LinePlace,
  RECEIVER_SKEW,
  type Running,
  SNAPSHOT_KNOWS,
  same,
} from "./report.ts";

/**
 * Where a snapshot can lie among the entries that stand, as far as can be known: what an earlier
 * connection of its line stated came before it, what a later one states comes after it; of the
 * rest, what happened before it was asked for (less the receiver's error) came before it, what
 * happened after it arrived (plus that error) came after. Frames of its own connection say little:
 * the provider may take it before runs that it sends first, and hold back runs that are in it; but
 * a later one that is dated before the subscription is misdated, and came after.
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
    ? { stands: false, after: byArrival(span, snapshot.arrivedAt, standing) }
    : { stands: true, after: slotIn(span, takingOf(snapshot, connections), standing) };
}

/** Whether every entry that the judgement asks for lies in the window. */
export function isJudgeable(
  snapshot: Entry,
  standing: readonly Entry[],
  connections: ReadonlyMap<string, Connection>,
): boolean {
  return spanOf(snapshot, standing, connections).from >= 0;
}

/** What happened before this surely is in the snapshot. */
export function takenAfter(snapshot: Entry, connections: ReadonlyMap<string, Connection>): Nanos {
  return subscribedAt(snapshot, connections) - SNAPSHOT_KNOWS;
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
  const asked = takenAfter(snapshot, connections);
  const to = firstAfter(snapshot, standing, asked);
  let from = to - 1;
  while (from >= 0) {
    const entry = standing[from] as Entry;
    const { connection, frame } = distanceOnLine(entry, snapshot);
    if (connection < 0 || (entry.effectiveAt < asked && frame <= 0)) break;
    from -= 1;
  }
  return { from, to };
}

/** The first entry that surely came after it. */
function firstAfter(snapshot: Entry, standing: readonly Entry[], asked: Nanos): number {
  const latest = snapshot.arrivedAt + RECEIVER_SKEW;
  let to = standing.length;
  for (let at = standing.length - 1; at >= 0; at -= 1) {
    const entry = standing[at] as Entry;
    const { connection, frame } = distanceOnLine(entry, snapshot);
    if (connection < 0) break;
    const isMisdated = frame > 0 && entry.effectiveAt < asked;
    if (connection > 0 || isMisdated || (entry.effectiveAt > latest && frame >= 0)) to = at;
  }
  return to;
}

function subscribedAt(
  { key, arrivedAt }: Entry,
  connections: ReadonlyMap<string, Connection>,
): Nanos {
  return connections.get(key.slice(0, key.lastIndexOf(":")))?.openedAt ?? arrivedAt;
}

/**
 * How many connections behind the snapshot the snapshot's line first stated the entry, and where
 * that is none, how many frames; zero also where the line did not state it.
 */
function distanceOnLine(
  { places }: Entry,
  snapshot: Entry,
): Readonly<{ connection: number; frame: number }> {
  const [own] = snapshot.places;
  let first: LinePlace | null = null;
  for (const place of places) {
    if (place.line !== own?.line) continue;
    if (first === null || comparePlaces(place, first) < 0) first = place;
  }
  if (own === undefined || first === null) return { connection: 0, frame: 0 };
  const connection = first.index - own.index;
  return { connection, frame: connection === 0 ? first.frame - own.frame : 0 };
}

function byArrival({ from, to }: Span, arrivedAt: Nanos, standing: readonly Entry[]): number {
  let at = from;
  while (at + 1 < to && (standing[at + 1] as Entry).effectiveAt <= arrivedAt) at += 1;
  return at;
}

/** Between these two times, by our clock, the provider took the snapshot. */
type Taking = Readonly<{ askedAt: Nanos; arrivedAt: Nanos }>;

function takingOf(snapshot: Entry, connections: ReadonlyMap<string, Connection>): Taking {
  return { askedAt: subscribedAt(snapshot, connections), arrivedAt: snapshot.arrivedAt };
}

/**
 * A snapshot that stands shows that something is missing, so it stands where something is: in a gap
 * that it may lie in, or before the first or after the last entry, where nobody knows of any. Of
 * these the one nearest to when it was taken; where there is none, its arrival alone decides.
 */
function slotIn(span: Span, taking: Taking, standing: readonly Entry[]): number {
  let nearest = byArrival(span, taking.arrivedAt, standing);
  let least: Nanos | null = null;
  for (let at = span.from; at < span.to; at += 1) {
    const [before, next] = [standing[at], standing[at + 1]];
    if (before && next && next.missing === null) continue;
    const distance = distanceTo(before, taking, next);
    if (least === null || distance < least) [nearest, least] = [at, distance];
  }
  return nearest;
}

function distanceTo(
  before: Entry | undefined,
  { askedAt, arrivedAt }: Taking,
  next: Entry | undefined,
): Nanos {
  if (before && before.effectiveAt > arrivedAt) return before.effectiveAt - arrivedAt;
  if (next && next.effectiveAt < askedAt) return askedAt - next.effectiveAt;
  return 0n;
}
