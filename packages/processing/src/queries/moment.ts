import type { Nanos } from "@counterfoil/core/exact/time";
import { unreportedRow } from "../models/balances/entry-row.ts";
import { ENTRIES, ENTRIES_PAST, MOVEMENTS, MOVEMENTS_PAST } from "../models/balances/tables.ts";
import { HISTORY, HISTORY_PAST, NAMES, NAMES_PAST } from "../models/lifecycle/tables.ts";
import type { Condition, Row, Rows, Selection, Table } from "../ports/model-store.ts";
import { mergeSelected } from "./answers.ts";

/**
 * A past moment. `as_of`: the state at a time, by all facts known now. `at_position`: the state by
 * the facts up to that position. Both: the state at that time, by the facts up to that position.
 */
export type Moment = Readonly<{ as_of?: Nanos | undefined; at_position?: number | undefined }>;

/** The present: no time and no position. */
export const NOW: Moment = {};

export const isPast = ({ as_of, at_position }: Moment): boolean =>
  as_of !== undefined || at_position !== undefined;

/**
 * A table of current rows, and one of former versions with the position of their change (`until`).
 */
type Versions = Readonly<{
  present: Table;
  past: Table;
  /** The column with the position since which a version is valid. */
  since: string;
  /** For current rows that also hold their previous version: its `since` column, and its row. */
  before?: Readonly<{ since: string; row: (row: Row) => Row }>;
}>;

export const ENTRY_VERSIONS: Versions = {
  present: ENTRIES,
  past: ENTRIES_PAST,
  since: "position",
  before: { since: "unreported_since", row: unreportedRow },
};
export const MOVEMENT_VERSIONS: Versions = {
  present: MOVEMENTS,
  past: MOVEMENTS_PAST,
  since: "position",
};
export const HISTORY_VERSIONS: Versions = { present: HISTORY, past: HISTORY_PAST, since: "since" };
export const NAME_VERSIONS: Versions = { present: NAMES, past: NAMES_PAST, since: "since" };

/**
 * Selects among the versions of rows that were valid at a position, or the current rows if none is
 * given. Each of the two tables is read in the order of its index, up to one page.
 */
export async function selectAt(
  rows: Rows,
  { present, past, since, before }: Versions,
  position: number | undefined,
  selection: Omit<Selection, "among">,
): Promise<readonly Row[]> {
  if (position === undefined) return rows.select(present, selection);
  const known = { column: since, is: "<=", value: position } as const;
  const replaced: Condition = { column: "until", is: ">", value: position };
  const where = selection.where ?? [];
  const pastRows = await rows.select(past, { ...selection, where: [...where, known, replaced] });
  if (before === undefined) {
    const found = await rows.select(present, { ...selection, where: [...where, known] });
    return mergeSelected(selection, [found, pastRows]);
  }
  const among = { anyOf: [known, { ...known, column: before.since }] };
  const found = await rows.select(present, { ...selection, among });
  const merged = mergeSelected(selection, [found, pastRows]);
  return merged.map((row) => (Number(row[since]) <= position ? row : before.row(row)));
}

/** The last change row of an id up to a position; null if there is none. */
export async function lastChange(
  rows: Rows,
  table: Table,
  [column, id]: readonly [column: string, id: string | number],
  position: number,
): Promise<Row | null> {
  const [change = null] = await rows.select(table, {
    where: [
      { column, is: "=", value: id },
      { column: "position", is: "<=", value: position },
    ],
    orderBy: [column, "position"],
    descending: true,
    limit: 1,
  });
  return change;
}
