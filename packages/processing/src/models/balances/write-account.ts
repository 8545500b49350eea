import { isEmpty, trimBook } from "@counterfoil/core/balances/book-window";
import { entryId } from "@counterfoil/core/balances/entry";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer, Share } from "../../projection/row-buffer.ts";
import { accountRow } from "./account-row.ts";
import { entryRow } from "./entry-row.ts";
import type { OpenAccount } from "./open-account.ts";
import { ACCOUNTS, ENTRIES } from "./tables.ts";

/**
 * Puts the rows of an account that changed into the buffer, and shortens its window to what the
 * next run needs. The collections begin anew: one that is cleared drags its old contents through
 * young collections, since its old table points to the new one.
 */
export function writeAccount(buffer: RowBuffer, open: OpenAccount): void {
  const { account, book, columns, dirtyEntries, storedEntries } = open;
  const shares = new Map<string, Row | Share>();
  for (const entry of dirtyEntries) {
    const id = entryId(entry);
    const row = entryRow(entry, account.id);
    shares.set(id, buffer.put(ENTRIES, row, storedEntries.get(id) ?? null));
  }
  open.dirtyEntries = new Set();
  trimBook(book);
  open.storedEntries = new Map();
  for (const id of book.byId.keys()) {
    const stored = shares.get(id) ?? storedEntries.get(id);
    if (stored !== undefined) open.storedEntries.set(id, stored);
  }
  if (isEmpty(book)) {
    buffer.remove(ACCOUNTS, { id: account.id }, open.stored);
    open.stored = null;
  } else open.stored = buffer.put(ACCOUNTS, accountRow(account, columns, book), open.stored);
}

/** An entry all of whose facts were withdrawn. */
export function removeEntry(buffer: RowBuffer, open: OpenAccount, id: string): void {
  const { account, dirtyEntries, storedEntries } = open;
  for (const entry of dirtyEntries) if (entryId(entry) === id) dirtyEntries.delete(entry);
  buffer.remove(ENTRIES, { account: account.id, id }, storedEntries.get(id) ?? null);
  storedEntries.delete(id);
}
