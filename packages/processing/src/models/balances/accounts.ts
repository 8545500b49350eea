import type { DataOf } from "@counterfoil/contracts/fact";
import { anomaly } from "@counterfoil/core/balances/anomaly";
import type { BookEffects } from "@counterfoil/core/balances/book-effects";
import { trimBook } from "@counterfoil/core/balances/book-window";
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
import { extendAccount, type OpenAccount, openAccount } from "./open-account.ts";
import { ACCOUNTS, BALANCE_CHANGES, ENTRIES } from "./tables.ts";

/**
 * Accounts held in memory, each with the last entry of its book; beyond, those not touched for
 * longest go.
 */
const ACCOUNTS_HELD = 50_000;

export type AccountsContext = Readonly<{
  store: ModelStore;
  buffer: RowBuffer;
  connections: ReadonlyMap<string, Connection>;
}>;

/** The accounts of the balances model: opened when an event asks for them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Promise<void>;
  open(id: string): Promise<OpenAccount>;
  /** Computes the account's row anew after something beside its book changed. */
  refresh(open: OpenAccount, cause: AnomalyCause): Promise<void>;
  /** The stream has just recorded a run for the first time. */
  noteNewRun(runId: string): void;
  /** Puts everything changed into the buffer. */
  flush(): void;
}

export function createAccounts(context: AccountsContext): Accounts {
  const { store, buffer, connections } = context;
  /** Least recently used first. */
  const held = new Map<string, OpenAccount>();
  const dirty = new Set<OpenAccount>();
  /** A run of which nothing was recorded before the events of this commit: it has no entries yet. */
  let newRun: string | null = null;

  async function open(id: string): Promise<OpenAccount> {
    const known = held.get(id);
    if (known !== undefined) {
      held.delete(id);
      held.set(id, known);
      return known;
    }
    const found = await openAccount(store, id, connections);
    held.set(id, found);
    return found;
  }

  /** The account with the target's entry in its window, if there is such an entry. */
  async function openAt(target: Target): Promise<OpenAccount> {
    const account = await open(target.account);
    const { book } = account;
    const id = entryId(target);
    if (book.complete || book.byId.has(id) || target.key === newRun) return account;
    const isElsewhere = (await store.get(ENTRIES, [target.account, id])) !== null;
    while (isElsewhere && !book.byId.has(id) && !book.complete) {
      await extendAccount(store, account, connections);
    }
    return account;
  }

  async function fold(event: StreamEvent): Promise<void> {
    const [first, moved] = targetsOf(event);
    if (first === undefined) return;
    if (moved) await openAt(moved);
    const account = await openAt(first);
    let effects = foldEvent(account.book, event, connections);
    while (effects.outcome === "out_of_reach") {
      await extendAccount(store, account, connections);
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
  }

  function removeEntry(account: OpenAccount, id: string): void {
    for (const entry of account.dirtyEntries) {
      if (entryId(entry) === id) account.dirtyEntries.delete(entry);
    }
    buffer.remove(
      ENTRIES,
      { account: account.account.id, id },
      account.storedEntries.get(id) ?? null,
    );
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
    dirty.add(open);
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
    newRun = null;
    for (const account of dirty) write(account);
    dirty.clear();
    for (const id of held.keys()) {
      if (held.size <= ACCOUNTS_HELD) break;
      held.delete(id);
    }
  }

  function write(open: OpenAccount): void {
    const { account, book, columns, dirtyEntries, storedEntries } = open;
    for (const entry of dirtyEntries) writeEntry(open, entry);
    dirtyEntries.clear();
    trimBook(book, 1);
    for (const id of storedEntries.keys()) if (!book.byId.has(id)) storedEntries.delete(id);
    const row = accountRow(account, columns, book);
    open.stored = buffer.put(ACCOUNTS, row, open.stored);
  }

  function writeEntry({ account, storedEntries }: OpenAccount, entry: Entry): void {
    const row = entryRow(entry, account.id);
    const id = entryId(entry);
    storedEntries.set(id, buffer.put(ENTRIES, row, storedEntries.get(id) ?? null));
  }

  function noteNewRun(runId: string): void {
    newRun = runId;
  }

  return { fold, open, refresh, noteNewRun, flush };
}
