import type { BalanceRecord } from "@counterfoil/contracts/record";
import { accountParts } from "@counterfoil/core/account";
import type { Nanos } from "@counterfoil/core/exact/time";
import { ACCOUNT_IDS, ACCOUNTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
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
import { ENTRY_VERSIONS, isPast, lastChange, type Moment, NOW, selectAt } from "./moment.ts";
import { pastAccounts } from "./past-accounts.ts";
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

/** Exact matches with any of some values; `account_id` is the provider's and may be any that the account was ever given. */
export type BalanceFilters = Readonly<
  Partial<Record<(typeof BALANCE_FILTERS)[number], readonly string[]>>
>;

/** By our id: an account keeps its place in the list whatever happens to its balance. */
export const BALANCE_KEY: readonly ColumnType[] = ["text"];

export type BalanceQuery = Readonly<{
  filters: BalanceFilters;
  page: PageRequest;
  moment?: Moment;
  /** Whose accounts exist for who asks. */
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Balances, one an account. Of a past moment an account is listed if something was reported of it
 * by then; filters go by what is known of it now.
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
  return readPage(page, {
    read,
    keyOf: ({ id }) => [String(id)],
    recordOf: (account) => accountAt(rows, account, moment),
    nextTurn,
  });
}

type Of = Pick<BalanceQuery, "filters" | "platform"> &
  Readonly<{ either: readonly (readonly Condition[])[] }>;
type ReadAccounts = PageSource<BalanceRecord>["read"];

async function readPresent(rows: Rows, { filters, platform, either }: Of): Promise<ReadAccounts> {
  const where = await conditionsOf(rows, filters, { id: "id", platform });
  const bytesMax = LIST_BYTES_MAX;
  return (beyond, limit) => {
    const selection = { where, orderBy: ["id"], ...beyondPart(beyond), limit, bytesMax };
    return selectEither(rows, ACCOUNTS, either, selection);
  };
}

/** Of an account that is gone, or that only its id is needed of, the row has nothing else. */
async function readPast(
  rows: Rows,
  moment: Moment,
  { filters, platform, either }: Of,
): Promise<ReadAccounts> {
  const where = await conditionsOf(rows, filters, { id: "account", platform });
  const read = await pastAccounts(rows, { where, either, moment });
  return async (beyond, limit) => {
    const ids = await read(beyond, limit);
    if (moment.at_position !== undefined) return ids.map(identityRow);
    return presentRows(rows, ids);
  };
}

/** Ends, as a selection does, with the row that brings the text to what a page may show. */
async function presentRows(rows: Rows, ids: readonly string[]): Promise<readonly Row[]> {
  const bytes = { limit: ids.length + 1, bytesMax: LIST_BYTES_MAX };
  const where = [isOneOf("id", ids)];
  const found = await rows.select(ACCOUNTS, { where, orderBy: ["id"], ...bytes });
  const byId = new Map(found.map((row) => [row.id, row]));
  const end = isLastRows(found, bytes) ? null : String(found.at(-1)?.id);
  const shown = end === null ? ids : ids.filter((id) => id <= end);
  return shown.map((id) => byId.get(id) ?? identityRow(id));
}

/** Those that an index lists, where several values are asked for: each is read by itself. */
function eitherOf(filters: BalanceFilters): Condition[][] {
  const column = LISTED.find((name) => (filters[name]?.length ?? 0) > 1);
  return column === undefined ? [[]] : eachOf(column, filters[column] ?? []);
}

const LISTED = ["participant_code", "account_group", "asset"] as const;

/** An account as it was at a moment; null where nothing had been reported of it. */
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
  { id: idColumn, platform }: Readonly<{ id: string; platform: Platform }>,
): Promise<Condition[]> {
  const where = Object.entries(columns).map(([column, values]) => isOneOf(column, values));
  if (account_id === undefined) return where;
  const ids = new Set<string>();
  for (const each of account_id) {
    for (const id of await accountsCalled(rows, each, platform)) ids.add(id);
  }
  return [...where, { column: idColumn, is: "in", value: [...ids] }];
}

/** One provider's id on more accounts than this is no id. */
const NAMESAKES_MAX = 1000;

/** Our ids of the accounts that the provider ever called so. */
async function accountsCalled(
  rows: Rows,
  accountId: string,
  platform: Platform,
): Promise<readonly string[]> {
  const found = await rows.select(ACCOUNT_IDS, {
    where: [{ column: "account_id", is: "=", value: accountId }],
    among: accountsAmong(platform, "account"),
    orderBy: ["account_id", "account"],
    limit: NAMESAKES_MAX,
  });
  return found.map(({ account }) => String(account));
}

/** An account at a moment, as the facts up to there left it; null where nothing was said of it. */
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
 * position. The gaps are those that are open by these facts and lie before that time, so a gap that
 * was closed since does not count; the provider's ids are those known by these facts, whenever they
 * were reported.
 *
 * @param account the account as these facts left it
 * @returns null where nothing was reported by then.
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
  return {
    ...account,
    balance: textIn(last.running),
    status: statusOf(last, openGaps),
    open_gaps: openGaps,
    last_run_id: lastRun === null ? null : runIdOf(lastRun),
    updated_at: timeIn(last.effective_at),
    position: positionIn(last.position),
  };
}

const IS_RUN: Condition = { column: "kind", is: "=", value: "run" };

const GAPS_PAGE = 1000;

/** Counts them backward from the entry, a page at a time, until no more than these can follow. */
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
        // Whatever is missing is more than no text; null is not.
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

/** Whether a snapshot leaves it out is known of now alone. */
function statusOf(entry: Row, openGaps: number): BalanceRecord["status"] {
  if (Number(entry.contradictions) > 0) return "contradicted";
  return openGaps > 0 ? "gap_open" : "continuous";
}

/** The account as it stands. */
export function balanceRecord(account: Row): BalanceRecord {
  return { ...identityOf(account), ...standing(account) };
}

/** The account as one of its change rows holds it, or its own; null where nothing was said of it then. */
export function balanceRecordAt(account: Row, change: Row): BalanceRecord | null {
  return (change.status ?? null) === null ? null : { ...identityOf(account), ...standing(change) };
}

/** What never changes of an account: its id says it all. */
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

function standing(row: Row) {
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

/** Which account, at which moment, and whose accounts exist for who asks. */
type AccountQuery = Readonly<{ id: string; platform: Platform; moment?: Moment }>;

/** One account, by our id or by the provider's. */
export async function findAccount(
  rows: Rows,
  { id, platform, moment = NOW }: AccountQuery,
): Promise<Found<BalanceRecord>> {
  const account = await findAccountRow(rows, { id, platform, moment });
  if (account.outcome !== "found") return account;
  const record = await accountAt(rows, account.record, moment);
  return record === null ? MISSING : found(record);
}

/** The account's row, by our id or by the provider's; what was gone once has only its identity. */
async function findAccountRow(
  rows: Rows,
  { id, platform, moment = NOW }: AccountQuery,
): Promise<Found<Row>> {
  const own = (await rows.get(ACCOUNTS, [id])) ?? (await goneAccount(rows, id, moment));
  if (own !== null && accountsOf([id], platform).length > 0) return found(own);
  const named = foundAmong(await accountsCalled(rows, id, platform));
  if (named.outcome !== "found") return named;
  const account = await rows.get(ACCOUNTS, [named.record]);
  return account === null ? MISSING : found(account);
}

/** What is known of an account of which nothing is said now, but was at the moment: its id. */
async function goneAccount(rows: Rows, id: string, { at_position }: Moment): Promise<Row | null> {
  if (at_position === undefined) return null;
  const change = await lastChange(rows, BALANCE_CHANGES, ["account", id], at_position);
  return change === null ? null : identityRow(id);
}

/** An account of which nothing but its id is known. */
const identityRow = (id: string): Row => ({ id, ...accountParts(id) });
