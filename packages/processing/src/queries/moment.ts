import { provider } from "@counterfoil/contracts/scalar";
import type { Nanos } from "@counterfoil/core/exact/time";
import { unreportedRow } from "../models/balances/entry-row.ts";
import {
  ACCOUNT_IDS,
  ACCOUNT_IDS_PAST,
  ACCOUNT_STARTS,
  ENTRIES,
  ENTRIES_PAST,
  MOVEMENTS,
  MOVEMENTS_PAST,
} from "../models/balances/tables.ts";
import { HISTORY, HISTORY_PAST, NAMES, NAMES_PAST } from "../models/lifecycle/tables.ts";
import type { Condition, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { eachOf, mergeSelected, selectEither } from "./answers.ts";
import { ModelNotServed } from "./serving.ts";

/**
 * A past moment. `as_of`: the state at a time, by all facts known now. `at_position`: the state by
 * the facts up to that position. Both: the state at that time, by the facts up to that position.
 */
export type Moment = Readonly<{ as_of?: Nanos | undefined; at_position?: number | undefined }>;

/** The present: no time and no position. */
export const NOW: Moment = {};

/** Whether another moment than the present is asked about. */
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

type SeparateVersions = Versions & Readonly<{ before?: never }>;

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
export const ACCOUNT_ID_VERSIONS: SeparateVersions = {
  present: ACCOUNT_IDS,
  past: ACCOUNT_IDS_PAST,
  since: "since",
};
export const HISTORY_VERSIONS: Versions = { present: HISTORY, past: HISTORY_PAST, since: "since" };
export const NAME_VERSIONS: Versions = { present: NAMES, past: NAMES_PAST, since: "since" };

/**
 * Selects among the versions of rows that were valid at a position, or the current rows if none is
 * given. Each of the two tables is read in the order of its index, up to one page.
 */
export function selectAt(
  rows: Rows,
  versions: Versions,
  position: number | undefined,
  selection: Omit<Selection, "among">,
): Promise<readonly Row[]>;
/** Only versions in rows of their own can be restricted further: the others are found by `among`. */
export function selectAt(
  rows: Rows,
  versions: SeparateVersions,
  position: number | undefined,
  selection: Selection,
): Promise<readonly Row[]>;
export async function selectAt(
  rows: Rows,
  { present, past, since, before }: Versions,
  position: number | undefined,
  selection: Selection,
): Promise<readonly Row[]> {
  if (position === undefined) return rows.select(present, selection);
  const known = { column: since, is: "<=", value: position } as const;
  const replaced: Condition = { column: "until", is: ">", value: position };
  const where = selection.where ?? [];
  const isKnown: Partial<Selection> =
    before === undefined
      ? { where: [...where, known] }
      : { among: { anyOf: [known, { ...known, column: before.since }] } };
  const pages = await Promise.all([
    rows.select(present, { ...selection, ...isKnown }),
    rows.select(past, { ...selection, where: [...where, known, replaced] }),
  ]);
  const merged = mergeSelected(selection, pages);
  if (before === undefined) return merged;
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

/** The first version of the balances model that stores when each account was first reported. */
const STARTS_SINCE = 9;

/**
 * @throws ModelNotServed if the served generation does not store when accounts were first reported
 */
export function checkStartsKnown(modelVersion: number): void {
  if (modelVersion >= STARTS_SINCE) return;
  throw new ModelNotServed(
    `lists of a past moment need version ${STARTS_SINCE} of the balances, and version ${modelVersion} is served until a projector has built it`,
  );
}

/** The conditions on the accounts of a list. */
type AccountConditions = Readonly<{
  where: readonly Condition[];
  /** Alternatives: an account must meet one of them. */
  either: readonly (readonly Condition[])[];
  moment: Moment;
}>;

/** Reads at most `limit` ids after the last one. */
type ReadIds = (beyond: readonly Value[] | null, limit: number) => Promise<readonly string[]>;

/**
 * The ids of accounts that may have existed at a past moment, in order. The list is complete, but
 * may contain accounts that were corrected or removed; their own rows show whether they existed
 * then.
 *
 * Accounts that had started are found either by start or in the order of the list. If at most a
 * thousand had started, all of them are read by start, because a scan along the list would pass
 * over all the others. If more had, such a scan finds them often enough: of 100,000 accounts, a
 * hundredth or more match.
 */
export async function pastAccounts(
  rows: Rows,
  { where, either, moment }: AccountConditions,
): Promise<ReadIds> {
  const started = startedBy(moment);
  const all = [...where, ...started];
  const listed = hasListIndex([...where, ...either.flat()])
    ? either
    : eachOf("provider", PROVIDERS);
  for (const one of started) {
    const count = await rows.count(ACCOUNT_STARTS, [one], READ_BY_START_MAX + 1);
    if (count > READ_BY_START_MAX) continue;
    const orderBy = [one.column, "account"];
    const found = await selectEither(rows, ACCOUNT_STARTS, either, {
      ...{ where: all, orderBy, limit: READ_BY_START_MAX },
    });
    const ids = idsOf(found).sort();
    return async (beyond, limit) => {
      const last = beyond?.[0] ?? "";
      return ids.filter((id) => id > String(last)).slice(0, limit);
    };
  }
  return async (beyond, limit) => {
    // A key at the beginning, too, makes the engine seek in list order instead of sorting all
    // matches.
    const selection = { where: all, orderBy: ["account"], beyond: beyond ?? [""], limit };
    return idsOf(await selectEither(rows, ACCOUNT_STARTS, listed, selection));
  };
}

const PROVIDERS = provider.options;

/**
 * Whether an index on one of these columns has the order of the list. If no such column is
 * filtered, each provider's accounts are read separately: the primary key has the list's order too,
 * and the engine would prefer it although it does not cover starts.
 */
const hasListIndex = (conditions: readonly Condition[]): boolean =>
  conditions.some(({ column, is }) => is === "=" && LIST_INDEXED.has(column));

const LIST_INDEXED: ReadonlySet<string> = new Set(["participant_code", "account_group", "asset"]);

const READ_BY_START_MAX = 1000;

function startedBy({ as_of, at_position }: Moment): readonly Condition[] {
  const by = { first_at: as_of, first_position: at_position };
  return Object.entries(by).flatMap(([column, value]): readonly Condition[] =>
    value === undefined ? [] : [{ column, is: "<=", value }],
  );
}

const idsOf = (starts: readonly Row[]): string[] => starts.map(({ account }) => String(account));
