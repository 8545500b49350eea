import type { DataOf } from "@counterfoil/contracts/fact";
import { anomaly } from "@counterfoil/core/balances/anomaly";
import { type BookEffects, trimBook } from "@counterfoil/core/balances/book";
import { type Entry, entryId } from "@counterfoil/core/balances/entry";
import {
  foldEvent,
  type StreamEvent,
  type Target,
  targetsOf,
} from "@counterfoil/core/balances/fold";
import { summarize } from "@counterfoil/core/balances/summary";
import { isUnlisted } from "@counterfoil/core/balances/unlisted";
import type { Connection } from "@counterfoil/core/feed-lines";
import type { ModelStore } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { noteAccountId } from "./account-ids.ts";
import { accountRow, changingColumns, isSameColumns } from "./account-row.ts";
import { entryRow } from "./entry-row.ts";
import { type OpenAccount, openAccount, WINDOW } from "./open-account.ts";
import { ACCOUNTS, BALANCE_CHANGES, ENTRIES } from "./tables.ts";

/** Entries held in memory over all accounts; beyond, the accounts not touched for longest go. */
const ENTRIES_HELD = 60_000;
const WINDOW_MAX = 64;

export type AccountsContext = Readonly<{
  store: ModelStore;
  buffer: RowBuffer;
  connections: ReadonlyMap<string, Connection>;
  /** Makes what was applied so far durable, so that it can be read again. */
  commitApplied: () => Promise<void>;
}>;

/** The accounts of the balances model: opened when an event asks for them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Promise<void>;
  open(id: string): Promise<OpenAccount>;
  /** Computes the account's row anew after something beside its book changed. */
  refresh(open: OpenAccount, cause: AnomalyCause): Promise<void>;
  /** Puts everything changed into the buffer. */
  flush(): void;
}

export function createAccounts(context: AccountsContext): Accounts {
  const { store, buffer, connections } = context;
  /** Least recently used first. */
  const held = new Map<string, OpenAccount>();

  async function open(id: string): Promise<OpenAccount> {
    const known = held.get(id);
    if (known !== undefined) {
      held.delete(id);
      held.set(id, known);
      return known;
    }
    const found = await openAccount(store, id, WINDOW, connections);
    held.set(id, found);
    return found;
  }

  async function widen(account: OpenAccount): Promise<OpenAccount> {
    const { id } = account.account;
    const entries = account.book.entries.length * 2;
    if (account.isDirty) await context.commitApplied();
    const wider = await openAccount(store, id, Math.max(entries, 2 * WINDOW), connections);
    held.set(id, wider);
    return wider;
  }

  /** The account with the target's entry in its window, if there is such an entry. */
  async function openAt(target: Target): Promise<OpenAccount> {
    let account = await open(target.account);
    const id = entryId(target);
    if (account.book.complete || account.book.byId.has(id)) return account;
    const isElsewhere =
      account.storedEntries.has(id) || (await store.get(ENTRIES, [target.account, id])) !== null;
    while (isElsewhere && !account.book.byId.has(id) && !account.book.complete) {
      account = await widen(account);
    }
    return account;
  }

  async function fold(event: StreamEvent): Promise<void> {
    const [first, moved] = targetsOf(event);
    if (first === undefined) return;
    if (moved) await openAt(moved);
    let account = await openAt(first);
    let effects = foldEvent(account.book, event, connections);
    while (effects.outcome === "out_of_reach") {
      account = await widen(account);
      effects = foldEvent(account.book, event, connections);
    }
    await take(account, effects, event);
  }

  async function take(account: OpenAccount, effects: BookEffects, event: StreamEvent) {
    for (const entry of effects.entries) account.dirtyEntries.add(entry);
    for (const id of effects.removed) removeEntry(account, id);
    for (const { id, kind } of effects.closed) {
      if (kind === "gap") account.account.openGaps -= 1;
      await closeAnomaly(buffer, id, event);
    }
    for (const opened of effects.opened) {
      if (opened.kind === "gap") account.account.openGaps += 1;
      await openAnomaly(buffer, opened, event);
    }
    for (const altered of effects.altered) await openAnomaly(buffer, altered, event);
    for (const { accountIds } of effects.entries) {
      for (const id of accountIds) await noteAccountId(buffer, store, account.account, id, event);
    }
    listedAgain(account, event);
    await refresh(account, event);
    if (account.book.entries.length > WINDOW_MAX) trimBook(account.book, WINDOW);
  }

  function removeEntry(account: OpenAccount, id: string): void {
    for (const entry of account.dirtyEntries) {
      if (entryId(entry) === id) account.dirtyEntries.delete(entry);
    }
    const stored = account.storedEntries.get(id);
    if (stored !== undefined) buffer.remove(ENTRIES, stored);
    account.storedEntries.delete(id);
  }

  /** A snapshot that lists the account takes back what an earlier one of its line left out. */
  function listedAgain({ account }: OpenAccount, { type, data }: StreamEvent): void {
    if (type !== "BalanceReported" || data.run_id !== undefined || account.unlisted.size === 0)
      return;
    const { place } = data as DataOf<"BalanceReported">;
    const line = place && connections.get(place.connection)?.line;
    if (line === undefined) return;
    account.unlisted = new Map([...account.unlisted].filter(([other]) => other !== line));
  }

  async function refresh(open: OpenAccount, cause: AnomalyCause): Promise<void> {
    const { position } = cause;
    const { account, book } = open;
    account.summary = summarize(book, account.summary);
    open.isDirty = true;
    await checkUnlisted(open, cause);
    const columns = changingColumns(account);
    if (account.position > 0 && isSameColumns(columns, open.columns)) return;
    open.columns = columns;
    account.position = position;
    buffer.append(BALANCE_CHANGES, { position, account: account.id, ...columns });
  }

  async function checkUnlisted({ account, book }: OpenAccount, cause: AnomalyCause): Promise<void> {
    if (account.unlisted.size === 0 && !account.hasUnlistedAnomaly) return;
    const { balance, updatedAt } = account.summary;
    const listing = [...account.unlisted.values()].find((missing) =>
      isUnlisted(book, balance, missing, connections),
    );
    const content = { detail: { ...listing }, essence: {}, at: updatedAt ?? 0n };
    const found = anomaly("unlisted", account.id, "snapshot", content);
    account.hasUnlistedAnomaly = listing !== undefined;
    if (listing) await openAnomaly(buffer, found, cause);
    else await closeAnomaly(buffer, found.id, cause);
  }

  function flush(): void {
    let entries = 0;
    for (const account of held.values()) {
      if (account.isDirty) write(account);
      entries += account.book.entries.length + 1;
    }
    for (const [id, account] of held) {
      if (entries <= ENTRIES_HELD) break;
      entries -= account.book.entries.length + 1;
      held.delete(id);
    }
  }

  function write(open: OpenAccount): void {
    const { account, book, columns, dirtyEntries, storedEntries } = open;
    for (const entry of dirtyEntries) writeEntry(open, entry);
    dirtyEntries.clear();
    for (const id of storedEntries.keys()) if (!book.byId.has(id)) storedEntries.delete(id);
    const row = accountRow(account, columns, book.heads);
    buffer.put(ACCOUNTS, row, open.stored);
    open.stored = row;
    open.isDirty = false;
  }

  function writeEntry({ account, storedEntries }: OpenAccount, entry: Entry): void {
    const row = entryRow(entry, account.id);
    const id = entryId(entry);
    buffer.put(ENTRIES, row, storedEntries.get(id) ?? null);
    storedEntries.set(id, row);
  }

  return { fold, open, refresh, flush };
}
