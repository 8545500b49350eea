import type { EntryRecord } from "@counterfoil/contracts/record";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Row, Value } from "../ports/table.ts";
import { shownEntry } from "./entry-record.ts";
import { type Gaps, readGaps } from "./gaps.ts";
import type { Page, PageRequest } from "./page.ts";

/** The row's place in its account's order, and which of the entries that it shows came last. */
export const ENTRY_KEY: readonly ColumnType[] = ["nanos", "integer", "integer"];

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
    const shown = await shownAt(row, gaps);
    for (let at = start.isSame(row) ? start.shown + 1 : 0; at < shown.length; at += 1) {
      // One more than was asked for tells that something follows.
      if (data.length === limit) return { data, next: last };
      data.push(shown[at] as EntryRecord);
      last = [row.chain_at ?? 0n, row.rank ?? 0, at];
    }
  }
  return { data, next: stored.length > limit ? last : null };
}

/** Where a page begins: with what is left of the row that the page before ended in. */
function startOf(beyond: PageRequest["beyond"]) {
  const [chainAt = null, rank = null, shown = null] = beyond ?? [];
  return {
    place: beyond === null ? null : [chainAt, Number(rank) - 1],
    shown: Number(shown),
    isSame: (row: Row) => beyond !== null && row.chain_at === chainAt && row.rank === rank,
  };
}

function readRows(
  rows: Rows,
  account: string,
  { place }: Readonly<{ place: readonly Value[] | null }>,
  limit: number,
): Promise<readonly Row[]> {
  return rows.select(ENTRIES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "standing", is: "=", value: 1 },
    ],
    orderBy: ["account", "chain_at", "rank"],
    ...(place === null ? {} : { beyond: [account, ...place] }),
    limit,
  });
}

async function shownAt(row: Row, gaps: Gaps): Promise<readonly EntryRecord[]> {
  const { opening, entry, contradictions } = shownEntry(row);
  return [
    ...(opening === null ? [] : [opening]),
    ...(await gaps.before(row)),
    entry,
    ...contradictions,
    ...gaps.after(row),
  ];
}
