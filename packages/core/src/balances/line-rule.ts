import type { Nanos } from "../exact/time.ts";
import type { LinePlace, Report } from "./report.ts";

/**
 * A socket is ordered by itself: on one line a report's effective time never falls below that of an
 * earlier frame of the same account, whatever times the provider printed.
 */

/** One line's reports of one account, in the order of their frames, as far as earlier lines agree. */
export type Line = Readonly<{ line: string; keys: readonly string[] }>;

/**
 * The lines of a set of reports, in order of opening. A report that contradicts an earlier line's
 * order (it comes after one that the earlier line has before it) is left out of the later line.
 */
export function linesOf(reports: readonly Report[]): Line[] {
  const byLine = new Map<string, { place: LinePlace; key: string }[]>();
  for (const { key, places } of reports) {
    for (const place of firstPlaces(places)) {
      const stated = byLine.get(place.line);
      if (stated) stated.push({ place, key });
      else byLine.set(place.line, [{ place, key }]);
    }
  }
  const lines = [...byLine.values()].map((stated) => stated.sort(byFrame));
  lines.sort(byOpening);
  const agreed: Map<string, number>[] = [];
  return lines.map((stated) => {
    const keys = agreeingKeys(stated, agreed);
    agreed.push(new Map(keys.map((key, at) => [key, at])));
    return { line: stated[0]?.place.line ?? "", keys };
  });
}

type Stated = Readonly<{ place: LinePlace; key: string }>;

const byFrame = (a: Stated, b: Stated): number => comparePlaces(a.place, b.place);

export function comparePlaces(a: LinePlace, b: LinePlace): number {
  return a.index === b.index ? a.frame - b.frame : a.index - b.index;
}

function byOpening(a: readonly Stated[], b: readonly Stated[]): number {
  const [left, right] = [a[0]?.place, b[0]?.place];
  if (!left || !right) return 0;
  if (left.lineOpenedAt !== right.lineOpenedAt) {
    return left.lineOpenedAt < right.lineOpenedAt ? -1 : 1;
  }
  return left.line < right.line ? -1 : 1;
}

/** A line may state a report twice (after a reconnect); the first time gives its place. */
function firstPlaces(places: readonly LinePlace[]): readonly LinePlace[] {
  if (places.length < 2) return places;
  const first = new Map<string, LinePlace>();
  for (const place of places) {
    const other = first.get(place.line);
    if (!other || comparePlaces(place, other) < 0) first.set(place.line, place);
  }
  return [...first.values()];
}

function agreeingKeys(stated: readonly Stated[], agreed: readonly Map<string, number>[]): string[] {
  const passed = agreed.map(() => -1);
  const keys: string[] = [];
  for (const { key } of stated) {
    const ranks = agreed.map((line) => line.get(key));
    if (ranks.some((rank, line) => rank !== undefined && rank < (passed[line] ?? -1))) continue;
    ranks.forEach((rank, line) => {
      if (rank !== undefined) passed[line] = rank;
    });
    keys.push(key);
  }
  return keys;
}

/**
 * The effective time of every report: its own, raised to those of earlier frames. The least times
 * that satisfy every line, so the order in which lines are looked at does not matter.
 */
export function effectiveTimes(
  reports: readonly Report[],
  lines: readonly Line[],
): Map<string, Nanos> {
  const times = new Map(reports.map(({ key, ownTime }) => [key, ownTime]));
  for (let raised = true; raised; ) {
    raised = false;
    for (const { keys } of lines) raised = raiseAlong(keys, times) || raised;
  }
  return times;
}

function raiseAlong(keys: readonly string[], times: Map<string, Nanos>): boolean {
  let raised = false;
  let floor: Nanos = 0n;
  for (const key of keys) {
    const time = times.get(key) ?? 0n;
    if (time < floor) {
      times.set(key, floor);
      raised = true;
    } else {
      floor = time;
    }
  }
  return raised;
}

/** Whether a line says that `a` comes before `b`; both stand in one group, so few are asked. */
export type Precedes = (a: string, b: string) => boolean;

export function precedence(lines: readonly Line[]): Precedes {
  const ranks = lines.map(({ keys }) => new Map(keys.map((key, at) => [key, at])));
  return (a, b) =>
    ranks.some((rank) => {
      const [left, right] = [rank.get(a), rank.get(b)];
      return left !== undefined && right !== undefined && left < right;
    });
}
