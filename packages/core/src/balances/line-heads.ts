import type { Nanos } from "../exact/time.ts";
import type { Entry } from "./entry.ts";
import { comparePlaces, effectiveTimes, type Line, linesOf } from "./line-rule.ts";
import type { LinePlace } from "./report.ts";

/**
 * The newest frame of the account on each line. Frames come in the order of their connection, so
 * knowing the newest is enough to place the next one; whatever else happens (a frame that was
 * completed late, a time corrected under later frames) is computed from the account's beginning.
 */
export type LineHeads = Map<string, LineHead>;

export type LineHead = Readonly<{
  key: string;
  place: LinePlace;
  effectiveAt: Nanos;
  /** On other lines: how far reports that passed on this one have come there. */
  passed: ReadonlyMap<string, LinePlace>;
}>;

/** Restarts open new lines; older ones than these are looked up in the whole account. */
const HEADS_MAX = 8;

/**
 * `newest`: the entry's floor and effective time were computed from the heads. `whole`: only the
 * whole account can tell.
 */
export type Placing = "newest" | "whole";

export function placeOnLines(heads: LineHeads, known: Entry | null, draft: Entry): Placing {
  if (draft.kind === "snapshot") return "newest";
  const before = known?.places ?? [];
  if (before.some((place) => !isAmong(place, draft.places))) return "whole";
  for (const place of draft.places) {
    if (isAmong(place, before) || isLaterRepeat(place, draft.places)) continue;
    const head = heads.get(place.line);
    if (!isNewest(place, head, heads) || mayContradict(place, draft, heads)) return "whole";
    if (head && head.effectiveAt > draft.floor) draft.floor = head.effectiveAt;
  }
  draft.effectiveAt = later(draft.ownTime, draft.floor);
  const hasFollowers = (place: LinePlace) => heads.get(place.line)?.key !== draft.key;
  const moved = known !== null && known.effectiveAt !== draft.effectiveAt;
  return moved && before.some(hasFollowers) ? "whole" : "newest";
}

const later = (a: Nanos, b: Nanos): Nanos => (a < b ? b : a);

const isAmong = (place: LinePlace, places: readonly LinePlace[]): boolean =>
  places.some((other) => other.line === place.line && comparePlaces(other, place) === 0);

/** A line may state a report twice, after a reconnect; the first time gives its place. */
const isLaterRepeat = (place: LinePlace, places: readonly LinePlace[]): boolean =>
  places.some((other) => other.line === place.line && comparePlaces(other, place) < 0);

function isNewest(place: LinePlace, head: LineHead | undefined, heads: LineHeads): boolean {
  if (head) return comparePlaces(place, head.place) > 0;
  if (heads.size < HEADS_MAX) return true;
  return [...heads.values()].every((other) => other.place.lineOpenedAt < place.lineOpenedAt);
}

/**
 * Whether another line may have this report and one of this line the other way round. Two lines
 * that hear the same feed agree, one a little behind the other; that common case must be seen
 * without looking further than the heads.
 */
function mayContradict(place: LinePlace, { key, places }: Entry, heads: LineHeads): boolean {
  const passed = heads.get(place.line)?.passed;
  return places.some((other) => {
    if (other.line === place.line) return false;
    const reached = passed?.get(other.line);
    if (reached && comparePlaces(other, reached) < 0) return true;
    const head = heads.get(other.line);
    const back = head?.passed.get(place.line);
    return head?.key !== key && back !== undefined && comparePlaces(back, place) > 0;
  });
}

/** Takes the entry in as the newest of its lines, where it is. */
export function noteHeads(heads: LineHeads, entry: Entry): void {
  if (entry.kind === "snapshot") return;
  for (const place of entry.places) {
    const head = heads.get(place.line);
    const isHead = !head || head.key === entry.key || comparePlaces(place, head.place) > 0;
    if (isLaterRepeat(place, entry.places)) continue;
    heads.set(place.line, {
      key: isHead ? entry.key : head.key,
      place: isHead ? place : head.place,
      effectiveAt: isHead ? entry.effectiveAt : head.effectiveAt,
      passed: passedWith(head?.passed, place, entry.places),
    });
  }
  prune(heads);
}

function passedWith(
  passed: LineHead["passed"] | undefined,
  own: LinePlace,
  places: readonly LinePlace[],
): LineHead["passed"] {
  const others = places.filter(({ line }) => line !== own.line);
  if (others.length === 0) return passed ?? NONE;
  const merged = new Map(passed);
  for (const place of others) {
    const reached = merged.get(place.line);
    if (!reached || comparePlaces(place, reached) > 0) merged.set(place.line, place);
  }
  return merged;
}

const NONE: LineHead["passed"] = new Map();

function prune(heads: LineHeads): void {
  while (heads.size > HEADS_MAX) {
    let oldest: string | null = null;
    for (const [line, { place }] of heads) {
      const other = oldest === null ? undefined : heads.get(oldest)?.place;
      if (!other || place.lineOpenedAt < other.lineOpenedAt) oldest = line;
    }
    if (oldest !== null) heads.delete(oldest);
  }
}

/** Floors, effective times and heads from all runs of the account. */
export function recomputeLines(heads: LineHeads, runs: readonly Entry[]): void {
  const lines = linesOf(runs);
  const times = effectiveTimes(runs, lines);
  const byKey = new Map(runs.map((run) => [run.key, run]));
  for (const run of runs) {
    run.floor = 0n;
    run.effectiveAt = times.get(run.key) ?? run.ownTime;
  }
  heads.clear();
  for (const { keys } of lines) raiseFloors(keys, byKey);
  for (const line of lines) noteLine(heads, line, byKey);
  prune(heads);
}

function raiseFloors(keys: readonly string[], byKey: ReadonlyMap<string, Entry>): void {
  let before: Nanos = 0n;
  for (const key of keys) {
    const run = byKey.get(key);
    if (run === undefined) continue;
    if (before > run.floor) run.floor = before;
    before = run.effectiveAt;
  }
}

function noteLine(heads: LineHeads, { line, keys }: Line, byKey: ReadonlyMap<string, Entry>): void {
  let passed: LineHead["passed"] = NONE;
  let head: LineHead | null = null;
  for (const key of keys) {
    const run = byKey.get(key);
    const place = run?.places.find(
      (other) => other.line === line && !isLaterRepeat(other, run.places),
    );
    if (run === undefined || place === undefined) continue;
    passed = passedWith(passed, place, run.places);
    head = { key, place, effectiveAt: run.effectiveAt, passed };
  }
  if (head) heads.set(line, head);
}
