import type { EntryRecord } from "@counterfoil/contracts/record";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Row, Value } from "../ports/table.ts";
import { shownEntry } from "./entry-record.ts";
import { type Gaps, readGaps } from "./gaps.ts";
import type { Page, PageRequest } from "./page.ts";

/** The row's place in its account's order, and which of the entries that it shows came last. */
export const ENTRY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer"];

/**
 * An account's history in its order: runs and snapshots, what stood before the first, gaps (also
 * those that are closed) and contradictions. A snapshot that only confirms is not shown.
 */
export async function listEntries(
  rows: Rows,
  account: string,
  { limit, beyond }: PageRequest,
): Promise<Page<EntryRecord>> {
  const gaps = await readGaps(rows, account);
  const start = startOf(beyond);
  const stored = await readRows(rows, account, start, limit + 1);
  const data: EntryRecord[] = [];
  let last = beyond;
  for (const row of stored) {
    const shown = await shownAt(rows, row, gaps);
    for (let at = start.isSame(row) ? start.shown + 1 : 0; at < shown.length; at += 1) {
      // One more than was asked for tells that something follows.
      if (data.length === limit) return { data, next: last };
      data.push(shown[at] as EntryRecord);
      last = [row.placed_at ?? 0n, row.rank ?? 0, row.mark ?? "", at];
    }
  }
  return { data, next: stored.length > limit ? last : null };
}

/** Where a page begins: with what is left of the row that the page before ended in. */
function startOf(beyond: PageRequest["beyond"]) {
  const [placedAt = null, rank = null, mark = null, shown = null] = beyond ?? [];
  return {
    place: beyond === null ? null : [placedAt, rank, mark],
    shown: Number(shown),
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

async function shownAt(rows: Rows, row: Row, gaps: Gaps): Promise<readonly EntryRecord[]> {
  const { opening, entry, contradictions } = await shownEntry(rows, row);
  return [
    ...(opening === null ? [] : [opening]),
    ...(await gaps.before(row)),
    entry,
    ...contradictions,
    ...gaps.after(row),
  ];
}
