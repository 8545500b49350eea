import { accountParts } from "@counterfoil/core/account";
import { comparePlaces, type History, type Placed } from "@counterfoil/core/balances/arrangement";
import type { Entry } from "@counterfoil/core/balances/entry";
import { extendHistory, newHistory, trimHistory } from "@counterfoil/core/balances/history";
import { formatMoney, type Money, moneyIn } from "@counterfoil/core/exact/money";
import { MILLISECOND, type Nanos } from "@counterfoil/core/exact/time";
import type { Row, Selection, Value } from "../../ports/model-store.ts";
import type { RowBuffer, RowDigestSlot } from "../../projection/row-buffer.ts";
import { entryFromRow, entryRow } from "./entry-row.ts";
import { ACCOUNTS, ENTRIES, HOLDERS } from "./tables.ts";

/** An account in memory: its row, and the part of its history that is loaded. */
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
  /** For each provider id, the number of facts in force that name it. */
  idFacts: Map<string, number>;
  accountIds: readonly string[];
  lastCounter: string;
  undated: number;
  sinceUndated: number;
  /** Up to when, and below which counter, another run may come before one whose time is a whole second. */
  wholeUntil: Nanos;
  wholeCounter: string;
  /** How many snapshots list it. */
  statements: number;
  snapshotAt: Nanos;
  listedAt: number;
  /** The position of its last change; 0 if there are no facts about it. */
  position: number;
  /** A start, possibly earlier than the stored one, that is not written yet; null if there is none. */
  pendingStart: Start | null;

  /** `listed_at` of its stored row in `HOLDERS`; null if it has none. */
  holder: number | null;
  /** The columns that readers see, as of its last change. */
  columns: VisibleColumns;
  /** Its row as last committed, or that row's digests. */
  stored: Row | RowDigestSlot | null;
  /** The same for the loaded entries, by id. */
  storedEntries: Map<string, Row | RowDigestSlot>;
  /** Ids of loaded entries that are not written yet. */
  changed: Set<string>;
  /** Entries at the end of the history changed, and `summarize` has not run since. */
  isEndChanged: boolean;
  /** `unreported_since` of loaded entries, by id. */
  unreported: Map<string, number>;
};

/** An account without facts. */
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
    wholeUntil: 0n,
    wholeCounter: "",
    statements: 0,
    snapshotAt: 0n,
    listedAt: 0,
    position: 0,
    pendingStart: null,
    holder: null,
    columns: NO_VISIBLE_COLUMNS,
    stored: null,
    storedEntries: new Map(),
    changed: new Set(),
    isEndChanged: false,
    unreported: new Map(),
  };
}

/** Whether there are no facts about the account, or none any more. */
export const isEmpty = ({ history, statements }: Account): boolean =>
  statements === 0 && history.isStart && history.isEnd && history.entries.length === 0;

/** The position of an account's first event, and the earliest effective time of its entries; null if unknown. */
export type Start = Readonly<{ position: number | null; at: Nanos | null }>;

/** The lower position and the lower time of two starts. */
export const earliest = (a: Start | null, b: Start): Start =>
  a === null ? b : { position: lowerOf(a.position, b.position), at: lowerOf(a.at, b.at) };

function lowerOf<N extends number | bigint>(a: N | null, b: N | null): N | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** The columns of an account that readers see and change rows hold. */
export type VisibleColumns = Readonly<{
  account_id: string | null;
  account_ids: string | null;
  balance: string | null;
  status: string | null;
  open_gaps: number | null;
  last_run_id: string | null;
  updated_at: Nanos | null;
}>;

/** The columns of an account without facts. */
export const NO_VISIBLE_COLUMNS: VisibleColumns = {
  account_id: null,
  account_ids: null,
  balance: null,
  status: null,
  open_gaps: null,
  last_run_id: null,
  updated_at: null,
};

export function visibleColumns(account: Account): VisibleColumns {
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

export function isSameColumns(a: VisibleColumns, b: VisibleColumns): boolean {
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
    whole_until: account.wholeUntil,
    whole_counter: account.wholeCounter,
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
    wholeUntil: BigInt(row.whole_until ?? 0),
    wholeCounter: String(row.whole_counter ?? ""),
    statements: Number(row.statements),
    snapshotAt: BigInt(row.snapshot_at ?? 0),
    listedAt: Number(row.listed_at),
    position: Number(row.position),
    stored: row,
  };
  account.columns = visibleColumns(account);
  account.holder = holderOf(account);
  account.history.isStart = false;
  account.history.isEnd = false;
  return account;
}

/** Loads an account's row, without its history. */
export async function openAccount(buffer: RowBuffer, id: string): Promise<Account> {
  const row = await buffer.get(ACCOUNTS, [id]);
  return row === null ? newAccount(id) : accountFromRow(row);
}

/** Puts changes into the buffer, and keeps only the part of the history that the next run in order needs. */
export function writeAccount(buffer: RowBuffer, account: Account): void {
  writeEntries(buffer, account);
  writeHolder(buffer, account);
  const { history, storedEntries, unreported } = account;
  if (history.isEnd) trimHistory(history);
  else unloadHistory(account);
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

/** Updates `HOLDERS`, by which a newer snapshot finds each account that it does not list, once. */
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

/** Removes the row of an entry. */
export function removeEntry(buffer: RowBuffer, account: Account, id: string): void {
  const { storedEntries, changed, unreported } = account;
  buffer.remove(ENTRIES, { account: account.id, id }, storedEntries.get(id) ?? null);
  storedEntries.delete(id);
  changed.delete(id);
  unreported.delete(id);
}

/** Unloads the history. Its changes must be written already. */
function unloadHistory(account: Account): void {
  const { history, storedEntries, unreported } = account;
  history.entries.length = 0;
  history.byId.clear();
  storedEntries.clear();
  unreported.clear();
  [history.isStart, history.isEnd] = [false, false];
}

/** Entries loaded first; each further load doubles what is loaded. */
const ENTRIES_LOADED = 6;

/** The place after all entries placed at this time. */
const placeAfter = (at: Nanos): Placed => ({ placedAt: at + 1n, rank: -1, mark: "" });

/** Loads the history around a time, unless it is loaded. */
export const loadAroundTime = (buffer: RowBuffer, account: Account, at: Nanos): Promise<void> =>
  loadAround(buffer, account, placeAfter(at));

/** Loads the history around a place, unless it is loaded. */
export async function loadAround(buffer: RowBuffer, account: Account, at: Placed): Promise<void> {
  if (isWithin(account.history, at) || (await tryLoadTo(buffer, account, at))) return;
  writeEntries(buffer, account);
  unloadHistory(account);
  // An entry exactly at the place belongs to the left side.
  const place = placeOf({ ...at, mark: `${at.mark}\u0001` });
  await loadEntries(buffer, account, "left", place, ENTRIES_LOADED);
  // From the last one found, so that the buffer knows the rows of both sides as one range.
  await loadMore(buffer, account, "right");
}

/**
 * Loads more next to the loaded entries if the place is near them. Reports of a burst arrive in any order
 * and each needs those within 20 ms on either side, so reloading for each report would be slow. It loads at
 * most as many entries as are loaded, because the number between is unknown.
 *
 * @returns whether the place is loaded now
 */
async function tryLoadTo(buffer: RowBuffer, account: Account, at: Placed): Promise<boolean> {
  const side = sideOf(account.history, at);
  if (side === null) return false;
  await loadMore(buffer, account, side);
  return isWithin(account.history, at);
}

/** The side of the loaded entries that the place is near; null if it is not near, or too many are loaded. */
function sideOf({ entries }: History, { placedAt }: Placed): "left" | "right" | null {
  const [first, last] = [entries[0], entries.at(-1)];
  if (!first || !last || entries.length > BURST_LOADED) return null;
  if (placedAt <= first.placedAt) return first.placedAt - placedAt <= NEAR_MAX ? "left" : null;
  return placedAt >= last.placedAt && placedAt - last.placedAt <= NEAR_MAX ? "right" : null;
}

/** Places within this time of the loaded entries are near them. */
const NEAR_MAX: Nanos = 200n * MILLISECOND;

/** Entries of one account loaded between two commits, some megabytes. */
const BURST_LOADED = 2048;

function isWithin({ entries, isStart, isEnd }: History, place: Placed): boolean {
  const [first, last] = [entries[0], entries.at(-1)];
  const isRightOfStart = isStart || (first !== undefined && comparePlaces(first, place) < 0);
  return isRightOfStart && (isEnd || (last !== undefined && comparePlaces(place, last) < 0));
}

/** Loads the end of the history, unless it is loaded. */
export async function loadEnd(buffer: RowBuffer, account: Account): Promise<void> {
  if (!account.history.isEnd) await loadAroundTime(buffer, account, AFTER_ALL_TIMES);
}

/** Later than any time of a fact. */
const AFTER_ALL_TIMES: Nanos = 2n ** 63n - 2n;

/** Loads more entries on one side of the loaded ones. */
export async function loadMore(
  buffer: RowBuffer,
  account: Account,
  side: "left" | "right",
): Promise<void> {
  const { entries } = account.history;
  const edge = side === "left" ? entries[0] : entries.at(-1);
  const place = edge === undefined ? [0n, -1, ""] : placeOf(edge);
  const count = Math.min(Math.max(ENTRIES_LOADED, entries.length), ENTRIES_MAX);
  await loadEntries(buffer, account, side, place, count);
}

/** Entries loaded at once, at most. */
const ENTRIES_MAX = 1024;

const placeOf = ({ placedAt, rank, mark }: Placed): Value[] => [placedAt, rank, mark];

async function loadEntries(
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

/** Finds an entry and loads the history around it; null if there is none. */
export async function findEntry(
  buffer: RowBuffer,
  account: Account,
  id: string,
): Promise<Entry | null> {
  const known = account.history.byId.get(id);
  if (known !== undefined || isFullyLoaded(account)) return known ?? null;
  const row = await buffer.get(ENTRIES, [account.id, id]);
  if (row === null) return null;
  await loadAround(buffer, account, entryFromRow(row));
  return account.history.byId.get(id) ?? null;
}

/** Whether the whole history is loaded. */
export const isFullyLoaded = ({ history }: Account): boolean => history.isStart && history.isEnd;
