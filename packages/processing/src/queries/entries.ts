import type { EntryRecord } from "@counterfoil/contracts/record";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Row, Value } from "../ports/table.ts";
import { shownEntry } from "./entry-record.ts";
import { type Gaps, readGaps } from "./gaps.ts";
import { MOVEMENTS_SHOWN } from "./movement-record.ts";
import type { Page, PageRequest } from "./page.ts";

/**
 * The row's place in its account's order, which of the records that it shows came last, and the name
 * of the gap behind it that did.
 */
export const ENTRY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer", "text"];

export type EntryQuery = Readonly<{ page: PageRequest; nextTurn: Clock["nextTurn"] }>;

/** Movements of one page: those of ten entries that show all they may. Then it ends short. */
const MOVEMENTS_MAX = 10 * MOVEMENTS_SHOWN;
/** Entries between two turns of others. */
const BATCH = 100;

/**
 * An account's history in its order: runs and snapshots, what stood before the first, gaps (also
 * those that are closed) and contradictions. A snapshot that only confirms is not shown.
 */
export async function listEntries(
  rows: Rows,
  account: string,
  { page: { limit, beyond }, nextTurn }: EntryQuery,
): Promise<Page<EntryRecord>> {
  const gaps = await readGaps(rows, account);
  const start = startOf(beyond);
  const stored = await readRows(rows, account, start, limit + 1);
  const data: EntryRecord[] = [];
  let last = beyond;
  let movements = 0;
  for (const [at, row] of stored.entries()) {
    if (movements >= MOVEMENTS_MAX) return { data, next: last };
    if (at % BATCH === BATCH - 1) await nextTurn();
    movements += Math.min(MOVEMENTS_SHOWN, Number(row.movements));
    const shown = start.isSame(row) ? start.shown : NOTHING;
    for await (const { record, ...place } of shownAt({ rows, gaps, limit }, row, shown)) {
      // One more than was asked for tells that something follows.
      if (data.length === limit) return { data, next: last };
      data.push(record);
      last = [row.placed_at ?? 0n, row.rank ?? 0, row.mark ?? "", place.count, place.gap];
    }
  }
  return { data, next: stored.length > limit ? last : null };
}

/** How much of what a row shows was shown: so many records, and its gaps up to this one. */
type Shown = Readonly<{ count: number; gap: string }>;

const NOTHING: Shown = { count: 0, gap: "" };

/** Where a page begins: with what is left of the row that the page before ended in. */
function startOf(beyond: PageRequest["beyond"]) {
  const [placedAt = null, rank = null, mark = null, count = 0, gap = ""] = beyond ?? [];
  const shown: Shown = { count: Number(count), gap: String(gap) };
  return {
    place: beyond === null ? null : [placedAt, rank, mark],
    shown,
    isSame: (row: Row) =>
      beyond !== null && row.placed_at === placedAt && row.rank === rank && row.mark === mark,
  };
}

/** From the row at the place on, which may be shown in part. */
async function readRows(
  rows: Rows,
  account: string,
  { place }: Readonly<{ place: readonly Value[] | null }>,
  limit: number,
): Promise<readonly Row[]> {
  const where = [{ column: "account", is: "=", value: account }] as const;
  const orderBy = ["account", "placed_at", "rank", "mark"];
  if (place === null) return rows.select(ENTRIES, { where, orderBy, limit });
  const [placedAt = null, rank = null, mark = null] = place;
  const at = await rows.select(ENTRIES, {
    where: [
      ...where,
      { column: "placed_at", is: "=", value: placedAt },
      { column: "rank", is: "=", value: rank },
      { column: "mark", is: "=", value: mark },
    ],
    orderBy,
    limit: 1,
  });
  const behind = await rows.select(ENTRIES, { where, orderBy, beyond: [account, ...place], limit });
  return [...at, ...behind].slice(0, limit);
}

type Showing = Readonly<{ rows: Rows; gaps: Gaps; limit: number }>;

/** What is left to show of a row, each with how much is shown with it. */
async function* shownAt(
  { rows, gaps, limit }: Showing,
  row: Row,
  from: Shown,
): AsyncGenerator<Readonly<{ record: EntryRecord }> & Shown> {
  if (from.gap === "") {
    const { opening, entry, contradictions } = await shownEntry(rows, row);
    const before = [...(opening === null ? [] : [opening]), ...(await gaps.before(row))];
    const records = [...before, entry, ...contradictions];
    for (const [at, record] of records.entries()) {
      if (at >= from.count) yield { record, count: at + 1, gap: "" };
    }
  }
  // As many at once as a page may still hold.
  for (let last: string | null = from.gap || null; ; ) {
    const closed = await gaps.after(row, last, limit + 1);
    for (const { id, gap } of closed) yield { record: gap, count: from.count, gap: id };
    if (closed.length <= limit) return;
    last = closed.at(-1)?.id ?? null;
  }
}
