import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALY_CHANGES, ATTENTION_COUNTS, STOPPED, STOPPED_KIND } from "../models/columns.ts";
import type { Checkpoint, Rows } from "../ports/model-store.ts";
import { everyRow } from "../projection/selection.ts";
import { readStops, type Stops } from "../projection/stopped.ts";
import { is } from "./change-rows.ts";

/**
 * A subject that stopped goes on when a corrected program runs. Its events then change rows at
 * positions that were sent already, so whoever follows the changes has to notice.
 */

/** A generation of a model as of one commit. */
export type GenerationMoment = Readonly<{ generation: number; checkpoint: Checkpoint }>;

/** Whether it is the same moment of a generation, or a later one: it was not built again meanwhile. */
const isLater = (before: GenerationMoment, now: GenerationMoment): boolean =>
  before.generation === now.generation && before.checkpoint.position <= now.checkpoint.position;

/** Whether no row has changed. A subject that goes on at the same position changes the digest. */
const isUnchanged = (before: GenerationMoment, now: GenerationMoment): boolean =>
  isLater(before, now) &&
  before.checkpoint.position === now.checkpoint.position &&
  before.checkpoint.digest === now.checkpoint.digest;

/** What was seen of a model's stopped subjects, however many there are. */
export type SeenStops = GenerationMoment &
  Readonly<{
    hasStopped: boolean;
    /** The anomalies `stopped` that are closed at the checkpoint's position. */
    closed: number;
  }>;

export type ObservedStops = Readonly<{
  stops: SeenStops;
  /** Whether a subject resumed since the last observation that had stopped at a published position. */
  hasResumed: boolean;
}>;

/**
 * Reads whether a subject resumed since the last observation. When it does, its anomaly is closed at
 * the position at which the model was opened then, which is not before the one observed last. Closed
 * ones of that very position are counted, as there may have been some already.
 */
export async function observeStops(
  rows: Rows,
  now: GenerationMoment,
  before: SeenStops | null,
  publishedTo: number,
): Promise<ObservedStops> {
  if (before !== null && isUnchanged(before, now)) return { stops: before, hasResumed: false };
  const { position } = now.checkpoint;
  const isSame = before !== null && isLater(before, now);
  const hasStopped = (await rows.count(STOPPED, [], 1)) > 0;
  // Built again, so it may have projected what had stopped.
  let hasResumed = before !== null && !isSame && before.hasStopped;
  const after = isSame ? before.checkpoint.position : position;
  let [closedBefore, closed] = [0, 0];
  for await (const stop of changedStops(rows, after, position)) {
    if (!stop.isClosed) continue;
    if (stop.position === after) closedBefore += 1;
    else hasResumed ||= stop.openedAt <= publishedTo;
    if (stop.position === position) closed += 1;
  }
  hasResumed ||= isSame && closedBefore > before.closed;
  return { stops: { ...now, hasStopped, closed }, hasResumed };
}

/**
 * The stopped subjects of a model, for one that has to know the lowest position at which one is
 * stopped: they are read once, and after that what has changed of them.
 */
export type FollowedStops = Readonly<{
  /** The lowest position at which a subject is stopped; null if none is. */
  lowest: () => number | null;
  /**
   * Follows them to a snapshot.
   *
   * @returns the lowest position at which a subject had stopped that is not stopped there any more
   */
  follow(rows: Rows, now: GenerationMoment): Promise<number | null>;
}>;

export function followStops(): FollowedStops {
  const stops: Stops = new Map();
  let seen: GenerationMoment | null = null;
  let lowest: number | null = null;

  /** @returns null if they do not explain how many there are now: the generation was built again */
  async function readChanged(rows: Rows, now: GenerationMoment): Promise<StopChanges | null> {
    if (seen === null || !isLater(seen, now)) return null;
    const open = Number((await rows.get(ATTENTION_COUNTS, [STOPPED_KIND]))?.open ?? 0);
    if (stops.size === 0 && open === 0) return new Map();
    const changes = await readChanges(rows, seen.checkpoint.position, now.checkpoint.position);
    let size = stops.size;
    for (const [subject, position] of changes) {
      size += Number(position !== null) - Number(stops.has(subject));
    }
    return size === open ? changes : null;
  }

  /** All of them, as changes of those that are known. */
  async function readAll(rows: Rows): Promise<StopChanges> {
    const all: StopChanges = await readStops(rows);
    for (const subject of stops.keys()) if (!all.has(subject)) all.set(subject, null);
    return all;
  }

  function apply(changes: StopChanges): number | null {
    let left: number | null = null;
    for (const [subject, position] of changes) {
      const before = stops.get(subject) ?? null;
      if (before === position) continue;
      if (position === null) stops.delete(subject);
      else stops.set(subject, position);
      left = lower(left, before);
      lowest = lower(lowest, position);
    }
    if (left !== null) lowest = stops.values().reduce<number | null>(lower, null);
    return left;
  }

  return {
    lowest: () => lowest,
    async follow(rows, now) {
      if (seen !== null && isUnchanged(seen, now)) return null;
      const changes = (await readChanged(rows, now)) ?? (await readAll(rows));
      seen = now;
      return apply(changes);
    },
  };
}

/** The lower of two positions; null is none. */
export const lower = (a: number | null, b: number | null): number | null =>
  a === null || (b !== null && b < a) ? b : a;

/** Subjects that stopped, each with its position, or that went on: null. */
type StopChanges = Map<string, number | null>;

/** What the events of a range changed, both ends included: one that goes on does so at the last position. */
async function readChanges(rows: Rows, from: number, upTo: number): Promise<StopChanges> {
  const changes: StopChanges = new Map();
  for await (const { subject } of changedStops(rows, from, upTo)) changes.set(subject, null);
  const subjects = [...changes.keys()];
  for (let at = 0; at < subjects.length; at += PAGE.limit) {
    const value = subjects.slice(at, at + PAGE.limit);
    const where = [{ column: "subject", is: "in" as const, value }];
    const query = { where, orderBy: ["subject"], limit: value.length };
    for (const row of await rows.select(STOPPED, query)) {
      changes.set(String(row.subject), Number(row.position));
    }
  }
  return changes;
}

const PAGE = { limit: 500, bytesMax: 1024 * 1024 };

/** A change of the anomaly of a stopped subject. */
type StopChange = Readonly<{
  subject: string;
  position: number;
  openedAt: number;
  isClosed: boolean;
}>;

/** The changes of anomalies `stopped` in a range of positions, both ends included. */
async function* changedStops(rows: Rows, from: number, upTo: number): AsyncGenerator<StopChange> {
  const where = [
    ...[is("position", ">=", from), is("position", "<=", upTo)],
    // The ids begin with the kind.
    ...[is("id", ">=", `${STOPPED_KIND}:`), is("id", "<", `${STOPPED_KIND};`)],
  ];
  for await (const { position, row } of everyRow(rows, ANOMALY_CHANGES, {
    ...{ where, orderBy: ["position", "id"], ...PAGE },
  })) {
    if (typeof row !== "string") continue;
    const { subject, opened_position, closed_position } = changedAnomaly(row);
    yield {
      ...{ subject: String(subject), position: Number(position) },
      ...{ openedAt: Number(opened_position), isClosed: closed_position !== null },
    };
  }
}
