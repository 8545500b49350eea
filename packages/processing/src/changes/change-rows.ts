import { STOPPED } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import { type Condition, isLastRows, type Row, type Value } from "../ports/table.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import type { Source } from "./source.ts";

/** What one event did to one row of a read model. */
export type Change = Readonly<{
  source: Source;
  position: number;
  id: string;
  /** The record as JSON; null where it was removed. */
  value: string | null;
}>;

export type ChangeRange = Readonly<{ after: number; upTo: number }>;

/** How much is read at once. */
export type ChangeLimits = Readonly<{
  /** Change rows of one table. */
  count: number;
  /** Of the text in them. */
  bytes: number;
}>;

const ONE_EVENT_MAX = 10_000_000;

/**
 * The changes of the rows of some tables in a range of positions.
 *
 * @param limits of the change rows of one table read at once: the range ends before the event that
 *   would go beyond.
 * @returns the changes in order, table by table, and up to where they are complete: all changes of
 *   one event, however many, or none.
 */
export async function readChanges(
  rows: Rows,
  sources: readonly Source[],
  { limits, ...range }: ChangeRange & Readonly<{ limits: ChangeLimits }>,
): Promise<Readonly<{ changes: readonly Change[]; upTo: number }>> {
  let { upTo } = range;
  const changes: Change[] = [];
  for (const source of sources) {
    const read = await readRows(rows, source, { ...range, upTo, limits });
    upTo = read.upTo;
    const ofOne = { where: [is("position", "=", upTo)], orderBy: source.changes.key };
    const found = read.isCut
      ? await rows.select(source.changes, { ...ofOne, limit: ONE_EVENT_MAX })
      : read.found;
    for (const row of found) changes.push(await changeOf(rows, source, row));
  }
  return { changes: changes.filter(({ position }) => position <= upTo), upTo };
}

type FoundRows = Readonly<{
  found: readonly Row[];
  /** Up to where there are no others. */
  upTo: number;
  /** One event alone has changed more rows than are read at once: `found` are the first of them. */
  isCut: boolean;
}>;

/** The change rows of one table: those of whole events, or the first of one that is too large. */
export async function readRows(
  rows: Rows,
  { changes: table }: Source,
  { after, upTo, limits }: ChangeRange & Readonly<{ limits: ChangeLimits }>,
): Promise<FoundRows> {
  const most = { limit: limits.count + 1, bytesMax: limits.bytes };
  const where = [is("position", ">", after), is("position", "<=", upTo)];
  const found = await rows.select(table, { where, orderBy: table.key, ...most });
  const last = found.at(-1);
  if (last === undefined || isLastRows(found, most)) return { found, upTo, isCut: false };
  const cutOff = Number(last.position);
  const whole = found.filter(({ position }) => Number(position) < cutOff);
  if (whole.length > 0) return { found: whole, upTo: cutOff - 1, isCut: false };
  return { found, upTo: cutOff, isCut: true };
}

export const is = (column: string, operator: Condition["is"], value: Value): Condition => ({
  column,
  is: operator,
  value,
});

export async function changeOf(rows: Rows, source: Source, row: Row): Promise<Change> {
  const record = await source.ofChange(rows, row);
  return {
    source,
    position: Number(row.position),
    id: String(row[source.id]),
    value: record === null ? null : JSON.stringify(record),
  };
}

const STOPPED_MAX = 1_000_000;

/** Subjects that have stopped, each with the position of the event that could not be projected. */
export async function readStopped(rows: Rows): Promise<readonly StoppedSubject[]> {
  const found = await rows.select(STOPPED, { orderBy: ["subject"], limit: STOPPED_MAX });
  return found.map(({ subject, position }) => ({
    subject: String(subject),
    position: Number(position),
  }));
}
