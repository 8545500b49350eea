import { firstWhere } from "@counterfoil/core/sorted";
import type { Row, Selection, Value } from "../ports/model-store.ts";
import { comparePlace, compareRows, compareTuples } from "./selection.ts";

/**
 * Ranges of one order in which all rows are known, or known not to exist. No two rows have the same
 * place, as is true of every order that pages are read in; for a moment two may, while they move.
 */
export type KnownRanges = Readonly<{
  /** The first rows as far as they are known; the others are `beyond` a place, if it is given. */
  find(asked: Asked): Readonly<{ rows: readonly Row[]; isAll: boolean; beyond?: readonly Value[] }>;
  add(asked: Asked, found: readonly Row[]): void;
  /** A row replaced another; null for none. @returns whether it lies in a known range */
  replace(before: Row | null, after: Row | null): boolean;
}>;

/** A selection of one order: its rows from one end of the span, in its direction. */
type Asked = Span & Pick<Selection, "descending" | "limit">;

/** From one cut of an order to another. */
type Span = Readonly<{ low: Cut; high: Cut }>;

/** Before or behind all rows whose first columns of an order have these values. */
type Cut = Readonly<{ at: readonly Value[]; isBehind: boolean }>;

type Range = Span & Readonly<{ rows: Row[] }>;

export function createKnownRanges(orderBy: readonly string[]): KnownRanges {
  /** In order; between two of them is at least one place that is not known. */
  const ranges: Range[] = [];
  const { comparePlaces, placeOf, cutAt, isBefore, countBefore } = placesIn(orderBy);

  /** The range that a row lies in or belongs in. */
  function rangeAround(row: Row): Range | undefined {
    const range = ranges[firstWhere(ranges, ({ high }) => isBefore(row, high))];
    return range && !isBefore(row, range.low) ? range : undefined;
  }

  function indexIn({ rows }: Range, row: Row): number {
    const at = rows.indexOf(row, countBefore(rows, cutAt(row, false)));
    if (at < 0) throw new Error(`a known row is not at its place: ${placeOf(row)}`);
    return at;
  }

  /** Joins two ranges without a gap between them; where they overlap, both have the same rows. */
  function join(a: Range, b: Range): Range {
    const [large, small] = a.rows.length < b.rows.length ? [b, a] : [a, b];
    const from = countBefore(large.rows, small.low);
    const to = countBefore(large.rows, small.high);
    large.rows.splice(from, to - from, ...small.rows);
    const low = compareCuts(a.low, b.low) < 0 ? a.low : b.low;
    const high = compareCuts(a.high, b.high) < 0 ? b.high : a.high;
    return { low, high, rows: large.rows };
  }

  return {
    find({ low, high, descending = false, limit }) {
      const start = descending ? high : low;
      const range = ranges[firstWhere(ranges, (one) => compareCuts(one.high, start) >= 0)];
      if (!range || compareCuts(range.low, start) > 0) return { rows: [], isAll: false };
      const [isFromLow, isToHigh] = [
        compareCuts(range.low, low) <= 0,
        compareCuts(range.high, high) >= 0,
      ];
      let from = isFromLow ? countBefore(range.rows, low) : 0;
      let to = isToHigh ? countBefore(range.rows, high) : range.rows.length;
      if (descending) from = Math.max(from, to - limit);
      else to = Math.min(to, from + limit);
      const rows = range.rows.slice(from, to);
      if (descending) rows.reverse();
      const isAll = rows.length >= limit || (descending ? isFromLow : isToHigh);
      if (isAll) return { rows, isAll };
      const end = descending ? range.low : range.high;
      const isPlace = end.at.length === orderBy.length && end.isBehind !== descending;
      const last = rows.at(-1);
      if (isPlace) return { rows, isAll, beyond: end.at };
      return last ? { rows, isAll, beyond: placeOf(last) } : { rows, isAll };
    },
    add({ low, high, descending = false, limit }, found) {
      const rows = descending ? found.toReversed() : [...found];
      const last = found.length < limit ? undefined : found.at(-1);
      // Beyond the last row of a full page there may be more.
      const end = last && cutAt(last, !descending);
      const span = { low: (descending && end) || low, high: (!descending && end) || high };
      const first = firstWhere(ranges, (one) => compareCuts(one.high, span.low) >= 0);
      const behind = firstWhere(ranges, (one) => compareCuts(one.low, span.high) > 0);
      const joined = ranges.slice(first, behind).reduce(join, { ...span, rows });
      ranges.splice(first, behind - first, joined);
    },
    replace(before, after) {
      const from = before && rangeAround(before);
      if (from && after && comparePlaces(before, after) === 0) {
        from.rows[indexIn(from, before)] = after;
        return true;
      }
      if (from) from.rows.splice(indexIn(from, before), 1);
      const to = after && rangeAround(after);
      if (!to) return false;
      to.rows.splice(countBefore(to.rows, cutAt(after, false)), 0, after);
      return true;
    },
  };
}

/** The places of rows in an order. */
function placesIn(orderBy: readonly string[]) {
  const placeOf = (row: Row): Value[] => orderBy.map((column) => row[column] ?? null);
  const isBefore = (row: Row, { at, isBehind }: Cut): boolean => {
    const order = comparePlace(row, orderBy, at);
    return order === 0 ? isBehind : order < 0;
  };
  return {
    comparePlaces: compareRows(orderBy),
    placeOf,
    cutAt: (row: Row, isBehind: boolean): Cut => ({ at: placeOf(row), isBehind }),
    isBefore,
    countBefore: (rows: readonly Row[], cut: Cut): number =>
      firstWhere(rows, (row) => !isBefore(row, cut)),
  };
}

/** Where the rows of a selection may be that begin with these values. */
export function spanOf(
  prefix: readonly Value[],
  { descending = false, beyond }: Pick<Selection, "descending" | "beyond">,
): Span {
  const [low, high] = [false, true].map((isBehind) => ({ at: prefix, isBehind })) as [Cut, Cut];
  if (beyond === undefined) return { low, high };
  const cut = { at: beyond, isBehind: !descending };
  const start = compareCuts(cut, low) < 0 ? low : compareCuts(cut, high) > 0 ? high : cut;
  return descending ? { low, high: start } : { low: start, high };
}

/** The order of two cuts: one behind some values is behind all that begin with them. */
function compareCuts(a: Cut, b: Cut): number {
  const isShort = a.at.length < b.at.length;
  const order = isShort ? compareTuples(a.at, b.at) : -compareTuples(b.at, a.at);
  if (order !== 0) return order;
  if (isShort) return a.isBehind ? 1 : -1;
  if (a.at.length > b.at.length) return b.isBehind ? -1 : 1;
  return Number(a.isBehind) - Number(b.isBehind);
}
