import { accountParts } from "@counterfoil/core/account";
import { comparePlaces, type History, type Placed } from "@counterfoil/core/balances/arrangement";
import type { Entry } from "@counterfoil/core/balances/entry";
import { extendHistory, newHistory, trimHistory } from "@counterfoil/core/balances/history";
import { formatMoney, type Money, moneyIn } from "@counterfoil/core/exact/money";
import { MILLISECOND, type Nanos } from "@counterfoil/core/exact/time";
import type { Row, Selection, Value } from "../../ports/model-store.ts";
import type { RowBuffer, Share } from "../../projection/row-buffer.ts";
import type { Start } from "./account-starts.ts";
import { entryFromRow, entryRow } from "./entry-row.ts";
import { ACCOUNTS, ENTRIES, HOLDERS } from "./tables.ts";

/** An account in memory: its row, and the part of its history that was looked at last. */
export type Account = {
  readonly id: string;
  history: History;
  balance: Money | null;
  isContradicted: boolean;
  openGaps: number;
  isUnlisted: boolean;
  lastRunId: string | null;
  updatedAt: Nanos | null;
  accountId: string | null;
  /** The provider's ids, each with how many facts in force give it. */
  idFacts: Map<string, number>;
  accountIds: readonly string[];
  lastCounter: string;
  undated: number;
  sinceUndated: number;
  /** How many snapshots list it. */
  statements: number;
  snapshotAt: Nanos;
  listedAt: number;
  /** Where it last changed; 0 where nothing is said of it. */
  position: number;
  /** Where it begins, or may begin earlier than was known; null where that was written. */
  begins: Start | null;

  /** As which holder it is stored: where it was last listed; null where it is none. */
  holder: number | null;
  /** What readers see of it, as of its last change. */
  columns: ChangingColumns;
  /** The rows as last committed, or what they add to the digests; of the entries in memory. */
  stored: Row | Share | null;
  storedEntries: Map<string, Row | Share>;
  /** Entries in memory that are not written yet. */
  changed: Set<string>;
  /** An event changed entries up to the end, and the account does not say so yet. */
  isEndChanged: boolean;
  /** Of entries in memory that stood without their report before: since where. */
  unreported: Map<string, number>;
};

export function newAccount(id: string): Account {
  return {
    id,
    history: newHistory(id),
    balance: null,
    isContradicted: false,
    openGaps: 0,
    isUnlisted: false,
    lastRunId: null,
    updatedAt: null,
    accountId: null,
    idFacts: new Map(),
    accountIds: [],
    lastCounter: "",
    undated: 0,
    sinceUndated: 0,
    statements: 0,
    snapshotAt: 0n,
    listedAt: 0,
    position: 0,
    begins: null,
    holder: null,
    columns: NOTHING_SHOWN,
    stored: null,
    storedEntries: new Map(),
    changed: new Set(),
    isEndChanged: false,
    unreported: new Map(),
  };
}

/** Whether nothing is said of it, or nothing any more. */
export const isEmpty = ({ history, statements }: Account): boolean =>
  statements === 0 && history.isStart && history.isEnd && history.entries.length === 0;

/** What readers see of an account, and what a change row holds. */
export type ChangingColumns = Readonly<{
  account_id: string | null;
  account_ids: string | null;
  balance: string | null;
  status: string | null;
  open_gaps: number | null;
  last_run_id: string | null;
  updated_at: Nanos | null;
}>;

/** The same of an account that nothing is said of any more, or was not yet. */
export const NOTHING_SHOWN: ChangingColumns = {
  account_id: null,
  account_ids: null,
  balance: null,
  status: null,
  open_gaps: null,
  last_run_id: null,
  updated_at: null,
};

export function changingColumns(account: Account): ChangingColumns {
  return {
    account_id: account.accountId,
    account_ids: JSON.stringify(account.accountIds),
    balance: account.balance === null ? null : formatMoney(account.balance),
    status: statusOf(account),
    open_gaps: account.openGaps,
    last_run_id: account.lastRunId,
    updated_at: account.updatedAt,
  };
}

function statusOf({ isContradicted, openGaps, isUnlisted }: Account): string {
  if (isContradicted) return "contradicted";
  if (openGaps > 0) return "gap_open";
  return isUnlisted ? "unlisted" : "continuous";
}

export function isSameColumns(a: ChangingColumns, b: ChangingColumns): boolean {
  return (
    a.balance === b.balance &&
    a.updated_at === b.updated_at &&
    a.last_run_id === b.last_run_id &&
    a.open_gaps === b.open_gaps &&
    a.status === b.status &&
    a.account_id === b.account_id &&
    a.account_ids === b.account_ids
  );
}

function accountRow(account: Account): Row {
  return {
    id: account.id,
    ...accountParts(account.id),
    ...account.columns,
    position: account.position,
    id_facts: JSON.stringify(Object.fromEntries(account.idFacts)),
    last_counter: account.lastCounter,
    undated: account.undated,
    since_undated: account.sinceUndated,
    statements: account.statements,
    snapshot_at: account.snapshotAt,
    listed_at: account.listedAt,
    unlisted: account.isUnlisted ? 1 : 0,
  };
}

function accountFromRow(row: Row): Account {
  const account: Account = {
    ...newAccount(String(row.id)),
    balance: moneyIn(row.balance),
    isContradicted: row.status === "contradicted",
    openGaps: Number(row.open_gaps),
    isUnlisted: row.unlisted === 1,
    lastRunId: row.last_run_id as string | null,
    updatedAt: row.updated_at as bigint | null,
    accountId: row.account_id as string | null,
    idFacts: new Map(Object.entries(JSON.parse(String(row.id_facts)))),
    accountIds: JSON.parse(String(row.account_ids)),
    lastCounter: String(row.last_counter),
    undated: Number(row.undated),
    sinceUndated: Number(row.since_undated),
    statements: Number(row.statements),
    snapshotAt: BigInt(row.snapshot_at ?? 0),
    listedAt: Number(row.listed_at),
    position: Number(row.position),
    stored: row,
  };
  account.columns = changingColumns(account);
  account.holder = holderOf(account);
  account.history.isStart = false;
  account.history.isEnd = false;
  return account;
}

/** Opens an account; of its history nothing is in memory yet. */
export async function openAccount(buffer: RowBuffer, id: string): Promise<Account> {
  const row = await buffer.get(ACCOUNTS, [id]);
  return row === null ? newAccount(id) : accountFromRow(row);
}

/** Puts what changed into the buffer, and keeps of the history what the next run in order needs. */
export function writeAccount(buffer: RowBuffer, account: Account): void {
  writeEntries(buffer, account);
  writeHolder(buffer, account);
  const { history, storedEntries, unreported } = account;
  if (history.isEnd) trimHistory(history);
  else dropHistory(account);
  for (const id of storedEntries.keys()) {
    if (history.byId.has(id)) continue;
    storedEntries.delete(id);
    unreported.delete(id);
  }
  if (!isEmpty(account)) {
    account.stored = buffer.put(ACCOUNTS, accountRow(account), account.stored);
    return;
  }
  buffer.remove(ACCOUNTS, { id: account.id }, account.stored);
  account.stored = null;
}

/** An account that holds something is found quickly by a snapshot that leaves it out, once. */
function writeHolder(buffer: RowBuffer, account: Account): void {
  const { id, holder } = account;
  const now = holderOf(account);
  if (now === holder) return;
  const stored = holder === null ? null : { account: id, listed_at: holder };
  if (now === null) buffer.remove(HOLDERS, { account: id }, stored);
  else buffer.put(HOLDERS, { account: id, listed_at: now }, stored);
  account.holder = now;
}

function holderOf({ id, balance, listedAt, isUnlisted }: Account): number | null {
  const holds = balance !== null && !balance.isZero() && id.startsWith("zerohash:");
  return holds && !isUnlisted ? listedAt : null;
}

function writeEntries(buffer: RowBuffer, account: Account): void {
  const { history, storedEntries, changed, unreported } = account;
  for (const id of changed) {
    const entry = history.byId.get(id);
    if (entry === undefined) continue;
    const stored = storedEntries.get(id) ?? null;
    const row = entryRow(entry, account.id, unreported.get(id));
    storedEntries.set(id, buffer.put(ENTRIES, row, stored));
  }
  changed.clear();
}

/** Takes an entry that is gone out of the rows. */
export function removeEntry(buffer: RowBuffer, account: Account, id: string): void {
  const { storedEntries, changed, unreported } = account;
  buffer.remove(ENTRIES, { account: account.id, id }, storedEntries.get(id) ?? null);
  storedEntries.delete(id);
  changed.delete(id);
  unreported.delete(id);
}

/** Forgets the history in memory; what it holds is in the rows. */
function dropHistory(account: Account): void {
  const { history, storedEntries, unreported } = account;
  history.entries.length = 0;
  history.byId.clear();
  storedEntries.clear();
  unreported.clear();
  [history.isStart, history.isEnd] = [false, false];
}

/** Entries that are brought in at first; every further time twice as many. */
const ENTRIES_LOADED = 6;

/** Behind everything that is placed at this time. */
const behind = (at: Nanos): Placed => ({ placedAt: at + 1n, rank: -1, mark: "" });

/** Where a run of this time and number is looked for. */
export const placeOfRun = ({ effectiveAt, counter }: Entry): Placed => ({
  placedAt: effectiveAt,
  rank: 0,
  mark: counter,
});

/** Brings in the history around a time, unless that is where it is already. */
export const seekTime = (buffer: RowBuffer, account: Account, at: Nanos): Promise<void> =>
  seek(buffer, account, behind(at));

/** Brings in the part of the history around a place, unless that is where it is already. */
export async function seek(buffer: RowBuffer, account: Account, at: Placed): Promise<void> {
  if (isWithin(account.history, at) || (await extendTo(buffer, account, at))) return;
  writeEntries(buffer, account);
  dropHistory(account);
  // What stands right there is on the left.
  const place = placeOf({ ...at, mark: `${at.mark}\u0001` });
  await bringIn(buffer, account, "left", place, ENTRIES_LOADED);
  await bringIn(buffer, account, "right", place, ENTRIES_LOADED);
}

/**
 * The reports of a burst come in any order, and each needs those of 20 ms on either side: what lies
 * near to what is in memory is brought in beside it, rather than all of it anew for each report.
 * At most as much as is there already, since nobody knows how many lie between.
 */
async function extendTo(buffer: RowBuffer, account: Account, at: Placed): Promise<boolean> {
  const side = sideOf(account.history, at);
  if (side === null) return false;
  await extend(buffer, account, side);
  return isWithin(account.history, at);
}

/** On which side of what is in memory the place is near; null where it is not, or enough is there. */
function sideOf({ entries }: History, { placedAt }: Placed): "left" | "right" | null {
  const [first, last] = [entries[0], entries.at(-1)];
  if (!first || !last || entries.length > BURST_LOADED) return null;
  if (placedAt <= first.placedAt) return first.placedAt - placedAt <= NEAR ? "left" : null;
  return placedAt >= last.placedAt && placedAt - last.placedAt <= NEAR ? "right" : null;
}

const NEAR: Nanos = 200n * MILLISECOND;

/** Entries of one account in memory between two commits, some megabytes. */
const BURST_LOADED = 2048;

function isWithin({ entries, isStart, isEnd }: History, place: Placed): boolean {
  const [first, last] = [entries[0], entries.at(-1)];
  const isRightOfStart = isStart || (first !== undefined && comparePlaces(first, place) < 0);
  return isRightOfStart && (isEnd || (last !== undefined && comparePlaces(place, last) < 0));
}

/** Brings in the end of the history, unless it is there. */
export async function seekEnd(buffer: RowBuffer, account: Account): Promise<void> {
  if (!account.history.isEnd) await seekTime(buffer, account, LATEST);
}

/** Behind every time that a fact can have. */
const LATEST: Nanos = 2n ** 63n - 2n;

/** Brings in more on one side of what is in memory. */
export async function extend(
  buffer: RowBuffer,
  account: Account,
  side: "left" | "right",
): Promise<void> {
  const { entries } = account.history;
  const edge = side === "left" ? entries[0] : entries.at(-1);
  const place = edge === undefined ? [0n, -1, ""] : placeOf(edge);
  const count = Math.min(Math.max(ENTRIES_LOADED, entries.length), ENTRIES_MAX);
  await bringIn(buffer, account, side, place, count);
}

const ENTRIES_MAX = 1024;

const placeOf = ({ placedAt, rank, mark }: Placed): Value[] => [placedAt, rank, mark];

async function bringIn(
  buffer: RowBuffer,
  account: Account,
  side: "left" | "right",
  place: readonly Value[],
  count: number,
): Promise<void> {
  const isLeft = side === "left";
  const selection: Selection = {
    where: [{ column: "account", is: "=", value: account.id }],
    orderBy: ["account", "placed_at", "rank", "mark"],
    descending: isLeft,
    beyond: [account.id, ...place],
    limit: count + 1,
  };
  const rows = await buffer.select(ENTRIES, selection);
  const isAll = rows.length <= count;
  const found = isAll ? rows : rows.slice(0, count);
  for (const row of found) {
    const id = String(row.id);
    account.storedEntries.set(id, row);
    if (row.unreported_since !== null) account.unreported.set(id, Number(row.unreported_since));
  }
  const entries = found.map(entryFromRow);
  extendHistory(account.history, side, isLeft ? entries.reverse() : entries, isAll);
}

/** The entry of this id with its surroundings in memory; null where there is none. */
export async function findEntry(
  buffer: RowBuffer,
  account: Account,
  id: string,
): Promise<Entry | null> {
  const known = account.history.byId.get(id);
  if (known !== undefined || isAllInMemory(account)) return known ?? null;
  const row = await buffer.get(ENTRIES, [account.id, id]);
  if (row === null) return null;
  await seek(buffer, account, entryFromRow(row));
  return account.history.byId.get(id) ?? null;
}

export const isAllInMemory = ({ history }: Account): boolean => history.isStart && history.isEnd;
