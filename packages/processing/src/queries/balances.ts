import type { BalanceRecord } from "@counterfoil/contracts/record";
import { accountParts } from "@counterfoil/core/account";
import type { Nanos } from "@counterfoil/core/exact/time";
import { ACCOUNTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
import type { Clock } from "../ports/clock.ts";
import {
  type ColumnType,
  type Condition,
  isLastRows,
  type Row,
  type Rows,
} from "../ports/model-store.ts";
import { ENTRY_ORDER, type EntryReading, lastEntry, lastOfAll } from "./account-history.ts";
import {
  beyondPart,
  eachOf,
  type Found,
  found,
  foundAmong,
  isOneOf,
  LIST_BYTES_MAX,
  MISSING,
  type Page,
  type PageRequest,
  type PageSource,
  positionIn,
  readPage,
  selectEither,
  textIn,
  timeIn,
} from "./answers.ts";
import { runIdOf } from "./entries.ts";
import {
  ACCOUNT_ID_VERSIONS,
  ENTRY_VERSIONS,
  isPast,
  lastChange,
  type Moment,
  NOW,
  pastAccounts,
  selectAt,
} from "./moment.ts";
import { accountsAmong, accountsOf, eitherAccount, type Platform } from "./platform.ts";

const BALANCE_FILTERS = [
  "provider",
  "participant_code",
  "account_group",
  "account_label",
  "account_type",
  "asset",
  "account_id",
] as const;

/**
 * Each column matches any of its values. `account_id` is any id that the provider ever used for the
 * account, by the facts of the moment.
 */
export type BalanceFilters = Readonly<
  Partial<Record<(typeof BALANCE_FILTERS)[number], readonly string[]>>
>;

/** The ledger's own id: an account keeps its place in the list when its balance changes. */
export const BALANCE_KEY: readonly ColumnType[] = ["text"];

export type BalanceQuery = Readonly<{
  filters: BalanceFilters;
  page: PageRequest;
  moment?: Moment;
  /** The platform whose accounts are visible. */
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Balances, one per account. At a past moment, an account is listed if anything was reported of it
 * by then. The parts of an account's id never change, so filters on them match it at any moment.
 */
export async function listBalances(
  rows: Rows,
  { filters, page, moment = NOW, platform, nextTurn }: BalanceQuery,
): Promise<Page<BalanceRecord>> {
  const either = eitherOf(filters).flatMap((each) =>
    eitherAccount(platform).map((owner) => [...each, ...owner]),
  );
  const of = { filters, platform, either };
  const read = isPast(moment) ? await readPast(rows, moment, of) : await readPresent(rows, of);
  const withRecord = async (account: Row): Promise<Listed> => ({
    ...account,
    record: await accountAt(rows, account, moment),
  });
  return readPage(page, {
    // A server receives the queries for all accounts together, instead of one per round trip.
    read: async (beyond, limit) => {
      const accounts = (await read(beyond, limit)).map(withRecord);
      // After an error, too, the snapshot must not end before the last of them.
      await Promise.allSettled(accounts);
      return Promise.all(accounts);
    },
    keyOf: ({ id }) => [String(id)],
    recordOf: ({ record }) => record,
    nextTurn,
  });
}

/** The row of an account, with what it was at the moment. */
type Listed = Readonly<{ [column: string]: unknown; record: BalanceRecord | null }>;

type ListScope = Pick<BalanceQuery, "filters" | "platform"> &
  Readonly<{ either: readonly (readonly Condition[])[] }>;
type ReadAccounts = PageSource<BalanceRecord>["read"];

async function readPresent(
  rows: Rows,
  { filters, platform, either }: ListScope,
): Promise<ReadAccounts> {
  const where = await conditionsOf(rows, filters, { column: "id", platform });
  const bytesMax = LIST_BYTES_MAX;
  return (beyond, limit) => {
    const selection = { where, orderBy: ["id"], ...beyondPart(beyond), limit, bytesMax };
    return selectEither(rows, ACCOUNTS, either, selection);
  };
}

/** Rows of removed accounts, and all rows at a past position, hold only what the id says. */
async function readPast(
  rows: Rows,
  moment: Moment,
  { filters, platform, either }: ListScope,
): Promise<ReadAccounts> {
  const where = await conditionsOf(rows, filters, { column: "account", platform, moment });
  const read = await pastAccounts(rows, { where, either, moment });
  return async (beyond, limit) => {
    const ids = await read(beyond, limit);
    if (moment.at_position !== undefined) return ids.map(identityRow);
    return presentRows(rows, ids);
  };
}

/**
 * Reads the current rows of ids; like a selection, it ends with the row that reaches the byte
 * limit.
 */
async function presentRows(rows: Rows, ids: readonly string[]): Promise<readonly Row[]> {
  const bytes = { limit: ids.length + 1, bytesMax: LIST_BYTES_MAX };
  const where = [isOneOf("id", ids)];
  const found = await rows.select(ACCOUNTS, { where, orderBy: ["id"], ...bytes });
  const byId = new Map(found.map((row) => [row.id, row]));
  const end = isLastRows(found, bytes) ? null : String(found.at(-1)?.id);
  const shown = end === null ? ids : ids.filter((id) => id <= end);
  return shown.map((id) => byId.get(id) ?? identityRow(id));
}

/**
 * One alternative per value of an indexed filter with several values: each is read by its index.
 */
function eitherOf(filters: BalanceFilters): Condition[][] {
  const column = LISTED.find((name) => (filters[name]?.length ?? 0) > 1);
  return column === undefined ? [[]] : eachOf(column, filters[column] ?? []);
}

const LISTED = ["participant_code", "account_group", "asset"] as const;

/** An account as it was at a moment; null if nothing had been reported of it. */
async function accountAt(
  rows: Rows,
  account: Row,
  { as_of, at_position }: Moment,
): Promise<BalanceRecord | null> {
  const known =
    at_position === undefined
      ? balanceRecordAt(account, account)
      : await balanceAt(rows, account, at_position);
  if (known === null || as_of === undefined) return known;
  return balanceAsOf(rows, known, as_of, at_position);
}

async function conditionsOf(
  rows: Rows,
  { account_id, ...columns }: BalanceFilters,
  { column, ...asked }: Omit<AccountQuery, "id"> & Readonly<{ column: string }>,
): Promise<Condition[]> {
  const where = Object.entries(columns).map(([name, values]) => isOneOf(name, values));
  if (account_id === undefined) return where;
  const ids = new Set<string>();
  for (const each of account_id) {
    for (const id of await accountsWithProviderId(rows, { ...asked, id: each })) ids.add(id);
  }
  return [...where, { column, is: "in", value: [...ids] }];
}

/** Accounts that one provider id may match; an id of more accounts identifies nothing. */
const SAME_ID_ACCOUNTS_MAX = 1000;

/**
 * Our ids of the accounts for which the provider ever used this id, by the facts up to the position. A
 * correction may have given the id to another account since.
 */
async function accountsWithProviderId(
  rows: Rows,
  { id, platform, moment: { at_position } = NOW }: AccountQuery,
): Promise<readonly string[]> {
  const found = await selectAt(rows, ACCOUNT_ID_VERSIONS, at_position, {
    where: [{ column: "account_id", is: "=", value: id }],
    among: accountsAmong(platform, "account"),
    orderBy: ["account_id", "account"],
    limit: SAME_ID_ACCOUNTS_MAX,
  });
  return found.map(({ account }) => String(account));
}

/** An account by the facts up to a position; null if there were none. */
async function balanceAt(
  rows: Rows,
  account: Row,
  position: number,
): Promise<BalanceRecord | null> {
  const change = await lastChange(rows, BALANCE_CHANGES, ["account", String(account.id)], position);
  return change === null ? null : balanceRecordAt(account, change);
}

/**
 * An account after its last report that took effect by a time, by all facts known now or at a
 * position. Gaps count if they are open by these facts and lie before that time, so a gap closed
 * since does not count. The provider's ids are those known by these facts, whenever they were
 * reported.
 *
 * @param account the account by these facts
 * @returns null if nothing was reported by then
 */
export async function balanceAsOf(
  rows: Rows,
  account: BalanceRecord,
  time: Nanos,
  position?: number,
): Promise<BalanceRecord | null> {
  const reading = { rows, account: account.id, position };
  const last = (await lastOfAll(reading, account, time)) ?? (await lastEntry(reading, time));
  if (last === null) return null;
  const lastRun = last.kind === "run" ? last : await lastEntry(reading, time, [IS_RUN]);
  const openGaps = await gapsUpTo(reading, account.open_gaps, last);
  const last_run_id = lastRun === null ? null : runIdOf(lastRun);
  const updated_at = timeIn(last.effective_at);
  const isLast = last_run_id === account.last_run_id && updated_at === account.updated_at;
  return {
    ...account,
    balance: textIn(last.running),
    status: statusOf(last, openGaps, isLast && account.status === "unlisted"),
    open_gaps: openGaps,
    ...{ last_run_id, updated_at },
    position: positionIn(last.position),
  };
}

const IS_RUN: Condition = { column: "kind", is: "=", value: "run" };

const GAPS_PAGE = 1000;

/**
 * Counts the open gaps up to an entry, backward and page by page, until it has found all of them.
 */
async function gapsUpTo(
  { rows, account: id, position }: EntryReading,
  all: number,
  last: Row,
): Promise<number> {
  let beyond: Row = { ...last, mark: `${last.mark}\u0001` };
  for (let count = 0; ; ) {
    const limit = Math.min(GAPS_PAGE, all - count);
    if (limit <= 0) return count;
    const gaps = await selectAt(rows, ENTRY_VERSIONS, position, {
      where: [
        { column: "account", is: "=", value: id },
        // Every text sorts at or after the empty one, and null never matches.
        { column: "missing", is: ">=", value: "" },
      ],
      orderBy: ENTRY_ORDER,
      descending: true,
      beyond: [id, beyond.placed_at ?? 0n, beyond.rank ?? 0, beyond.mark ?? ""],
      limit,
    });
    count += gaps.length;
    if (gaps.length < limit) return count;
    beyond = gaps.at(-1) ?? beyond;
  }
}

/**
 * The status as of a time. An account that is missing from a snapshot was emptied some time after its
 * last entry, so from that on its balance is uncertain.
 */
function statusOf(entry: Row, openGaps: number, isUnlisted: boolean): BalanceRecord["status"] {
  if (Number(entry.contradictions) > 0) return "contradicted";
  if (openGaps > 0) return "gap_open";
  return isUnlisted ? "unlisted" : "continuous";
}

/** The current record of an account. */
export function balanceRecord(account: Row): BalanceRecord {
  return { ...identityOf(account), ...balanceFieldsOf(account) };
}

/**
 * The account as stored in one of its change rows or in its own; null if nothing was known of it
 * then.
 */
export function balanceRecordAt(account: Row, change: Row): BalanceRecord | null {
  return (change.status ?? null) === null
    ? null
    : { ...identityOf(account), ...balanceFieldsOf(change) };
}

/** The fields of an account that never change: all of them follow from its id. */
function identityOf(account: Row) {
  return {
    id: String(account.id),
    provider: account.provider as BalanceRecord["provider"],
    participant_code: textIn(account.participant_code),
    account_group: textIn(account.account_group),
    account_label: textIn(account.account_label),
    account_type: String(account.account_type),
    asset: String(account.asset),
    address: textIn(account.address),
  };
}

function balanceFieldsOf(row: Row) {
  return {
    account_id: textIn(row.account_id),
    account_ids: JSON.parse(String(row.account_ids)) as string[],
    balance: textIn(row.balance),
    status: row.status as BalanceRecord["status"],
    open_gaps: Number(row.open_gaps),
    last_run_id: textIn(row.last_run_id),
    updated_at: timeIn(row.updated_at),
    position: positionIn(row.position),
  };
}

/** The account, the moment, and the platform whose accounts are visible. */
type AccountQuery = Readonly<{ id: string; platform: Platform; moment?: Moment }>;

/** Finds an account by our id or by the provider's. */
export async function findAccount(
  rows: Rows,
  { id, platform, moment = NOW }: AccountQuery,
): Promise<Found<BalanceRecord>> {
  const account = await findAccountRow(rows, { id, platform, moment });
  if (account.outcome !== "found") return account;
  const record = await accountAt(rows, account.record, moment);
  return record === null ? MISSING : found(record);
}

/**
 * Finds an account's row by our id or by the provider's; a removed account has only its identity.
 */
async function findAccountRow(
  rows: Rows,
  { id, platform, moment = NOW }: AccountQuery,
): Promise<Found<Row>> {
  const own = await accountKnownAt(rows, id, moment);
  if (own !== null && accountsOf([id], platform).length > 0) return found(own);
  const named = foundAmong(await accountsWithProviderId(rows, { id, platform, moment }));
  if (named.outcome !== "found") return named;
  const account = await accountKnownAt(rows, named.record, moment);
  return account === null ? MISSING : found(account);
}

/** An account's row, or the identity of one that is removed now; null if there is neither. */
const accountKnownAt = async (rows: Rows, id: string, moment: Moment): Promise<Row | null> =>
  (await rows.get(ACCOUNTS, [id])) ?? (await removedAccount(rows, id, moment));

/** The identity of an account that is removed now but existed at the position. */
async function removedAccount(
  rows: Rows,
  id: string,
  { at_position }: Moment,
): Promise<Row | null> {
  if (at_position === undefined) return null;
  const change = await lastChange(rows, BALANCE_CHANGES, ["account", id], at_position);
  return change === null ? null : identityRow(id);
}

/** A row with only what an account's id says. */
const identityRow = (id: string): Row => ({ id, ...accountParts(id) });
