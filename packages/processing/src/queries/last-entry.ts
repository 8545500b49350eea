import type { BalanceRecord } from "@counterfoil/contracts/record";
import { GOES_ON } from "@counterfoil/core/balances/entry";
import { CLUSTER_MAX, TIME_ERROR } from "@counterfoil/core/balances/ordering";
import { type Nanos, timeOf } from "@counterfoil/core/exact/time";
import { unreportedRow } from "../models/balances/entry-row.ts";
import { ENTRIES, ENTRIES_PAST, ENTRY_MOVES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Condition, Row, Value } from "../ports/table.ts";
import { ENTRY_VERSIONS, selectAt } from "./moment.ts";

/** An account's entries as they stand, or as they stood at a position. */
export type EntryReading = Readonly<{
  rows: Rows;
  account: string;
  position?: number | undefined;
}>;

/** The order of an account's entries. */
export const ENTRY_ORDER = ["account", "placed_at", "rank", "mark"];

/** One entry as it stands, or stood at a position: it is found where it stood. */
export async function entryAt(
  { rows, account, position }: EntryReading,
  id: string,
): Promise<Row | null> {
  const row = await rows.get(ENTRIES, [account, id]);
  if (position === undefined || (row !== null && Number(row.position) <= position)) return row;
  const unreported = row?.unreported_since ?? null;
  if (row !== null && unreported !== null && Number(unreported) <= position) {
    return unreportedRow(row);
  }
  const [moved] = await rows.select(ENTRY_MOVES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "id", is: "=", value: id },
      { column: "until", is: ">", value: position },
    ],
    orderBy: ENTRY_MOVES.key,
    limit: 1,
  });
  const place = moved ?? row;
  if (place === null) return null;
  const [before = null] = await rows.select(ENTRIES_PAST, {
    where: [
      { column: "account", is: "=", value: account },
      ...["placed_at", "rank", "mark"].map((column) => ({
        column,
        is: "=" as const,
        value: place[column] ?? null,
      })),
      { column: "position", is: "<=", value: position },
    ],
    orderBy: ENTRIES_PAST.key,
    descending: true,
    limit: 1,
  });
  return before !== null && before.id === id && Number(before.until) > position ? before : null;
}

/**
 * The last entry that an account had at a position, where it took effect by the time. Any number may
 * stand behind it since: it is found by its run, and not from the end.
 *
 * @returns null where it took effect later, or no run tells where it stood
 */
export async function lastOfAll(
  reading: EntryReading,
  { last_run_id, updated_at }: BalanceRecord,
  time: Nanos,
): Promise<Row | null> {
  const { rows, account, position } = reading;
  if (position === undefined || last_run_id === null || updated_at === null) return null;
  if (timeOf(updated_at) > time) return null;
  const run = await entryAt(reading, `run:${last_run_id}`);
  // What stands behind the time is looked for from the time on.
  if (run === null || BigInt(run.placed_at ?? 0) > time) return null;
  // Snapshots stand behind their run at its place.
  const [last = null] = await selectAt(rows, ENTRY_VERSIONS, position, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "placed_at", is: "=", value: run.placed_at ?? 0n },
    ],
    orderBy: ENTRY_ORDER,
    descending: true,
    limit: 1,
  });
  return last;
}

/**
 * The last entry, in the account's order, that took effect by the time. No entry takes effect after
 * its place, so the index seeks to it; of what is ordered together some that stand behind it may
 * have taken effect before.
 */
export async function lastEntry(
  reading: EntryReading,
  time: Nanos,
  further: readonly Condition[] = [],
): Promise<Row | null> {
  const { rows, account, position } = reading;
  const where: Condition[] = [{ column: "account", is: "=", value: account }, ...further];
  const [entry = null] = await selectAt(rows, ENTRY_VERSIONS, position, {
    where: [
      ...where,
      { column: "placed_at", is: "<=", value: time },
      { column: "effective_at", is: "<=", value: time },
    ],
    orderBy: ENTRY_ORDER,
    descending: true,
    limit: 1,
  });
  let last = entry;
  for await (const row of nearBehind(reading, where, time)) {
    if (BigInt(row.effective_at ?? 0) <= time) last = row;
  }
  return last;
}

/** What may be ordered together with entries of a time, and stands behind it: near it, or joined. */
async function* nearBehind(
  { rows, account, position }: EntryReading,
  where: readonly Condition[],
  time: Nanos,
): AsyncGenerator<Row> {
  const near = { column: "placed_at", is: "<=", value: time + TIME_ERROR } as const;
  let beyond: readonly Value[] = [account, time + 1n, -1, ""];
  let count = 0;
  const read = (conditions: readonly Condition[], limit: number) =>
    selectAt(rows, ENTRY_VERSIONS, position, {
      where: [...where, ...conditions],
      ...{ orderBy: ENTRY_ORDER, beyond, limit },
    });
  for (const row of await read([near], CLUSTER_MAX)) {
    yield row;
    count += 1;
    beyond = ENTRY_ORDER.map((column) => row[column] ?? null);
  }
  // Nearly always the next one begins anew.
  for (let limit = 1; count < CLUSTER_MAX; limit *= 4) {
    const rows = await read([], limit);
    for (const row of rows) {
      if (row.joined !== GOES_ON) return;
      yield row;
      count += 1;
      beyond = ENTRY_ORDER.map((column) => row[column] ?? null);
    }
    if (rows.length < limit) return;
  }
}
