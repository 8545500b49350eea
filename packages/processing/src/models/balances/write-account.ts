import { trimBook } from "@counterfoil/core/balances/book-window";
import { entryId } from "@counterfoil/core/balances/entry";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { accountRow } from "./account-row.ts";
import { entryRow } from "./entry-row.ts";
import type { OpenAccount } from "./open-account.ts";
import { ACCOUNTS, ENTRIES } from "./tables.ts";

/** Puts the rows of an account that changed into the buffer, and shortens its window to what is likely needed next. */
export function writeAccount(buffer: RowBuffer, open: OpenAccount): void {
  const { account, book, columns, dirtyEntries, storedEntries } = open;
  for (const entry of dirtyEntries) {
    const id = entryId(entry);
    const row = entryRow(entry, account.id);
    storedEntries.set(id, buffer.put(ENTRIES, row, storedEntries.get(id) ?? null));
  }
  dirtyEntries.clear();
  trimBook(book);
  for (const id of storedEntries.keys()) if (!book.byId.has(id)) storedEntries.delete(id);
  open.stored = buffer.put(ACCOUNTS, accountRow(account, columns, book), open.stored);
}

/** An entry all of whose facts were withdrawn. */
export function removeEntry(buffer: RowBuffer, open: OpenAccount, id: string): void {
  const { account, dirtyEntries, storedEntries } = open;
  for (const entry of dirtyEntries) if (entryId(entry) === id) dirtyEntries.delete(entry);
  buffer.remove(ENTRIES, { account: account.id, id }, storedEntries.get(id) ?? null);
  storedEntries.delete(id);
}
