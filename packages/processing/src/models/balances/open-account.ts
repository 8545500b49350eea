import { type Book, emptyBook, extendBook } from "@counterfoil/core/balances/book-window";
import type { Entry } from "@counterfoil/core/balances/entry";
import type { Connection } from "@counterfoil/core/feed-lines";
import type { Rows } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { Share } from "../../projection/row-buffer.ts";
import {
  type Account,
  accountFromRow,
  type ChangingColumns,
  changingColumns,
  headsFrom,
  newAccount,
} from "./account-row.ts";
import { entryFromRow, moneyIn } from "./entry-row.ts";
import { ACCOUNTS, ENTRIES } from "./tables.ts";

/** An account in memory: its book as far back as was needed, and its rows as last committed. */
export type OpenAccount = {
  readonly account: Account;
  readonly book: Book;
  columns: ChangingColumns;
  /** The rows as last committed, or their shares in the digests; null where the account is new. */
  stored: Row | Share | null;
  storedEntries: Map<string, Row | Share>;
  dirtyEntries: Set<Entry>;
};

/** Entries that are brought in at once. */
const WINDOW = 4;

/** Opens an account with the end of its book. */
export async function openAccount(
  rows: Rows,
  id: string,
  connections: ReadonlyMap<string, Connection>,
): Promise<OpenAccount> {
  const stored = await rows.get(ACCOUNTS, [id]);
  if (stored === null) return opened(newAccount(id), emptyBook(id), null);
  const book = emptyBook(id);
  book.snapshotAt = BigInt(stored.snapshot_at ?? 0);
  for (const [line, head] of headsFrom(String(stored.heads))) book.heads.set(line, head);
  const account = opened(accountFromRow(stored), book, stored);
  await extendAccount(rows, account, connections);
  return account;
}

/**
 * Brings in further entries to the left of the window. They lie as they were committed: whatever
 * was changed since then is still in the window.
 */
export async function extendAccount(
  rows: Rows,
  { book, storedEntries }: OpenAccount,
  connections: ReadonlyMap<string, Connection>,
): Promise<void> {
  const { account } = book;
  const { window, left } = await readWindow(rows, book);
  for (const row of window) storedEntries.set(String(row.id), row);
  const entries = window.map((row) => entryFromRow(row, account, connections));
  extendBook(book, entries, left === null ? null : await leftOf(rows, account, left));
}

function opened(account: Account, book: Book, stored: Row | null): OpenAccount {
  return {
    account,
    book,
    columns: changingColumns(account),
    stored,
    storedEntries: new Map(),
    dirtyEntries: new Set(),
  };
}

type Window = Readonly<{
  /** In order. */
  window: readonly Row[];
  /** The row before the window; null where the account begins with it. */
  left: Row | null;
}>;

/** The last rows before the book's window, cut where a chain begins: chains are ordered as a whole. */
async function readWindow(rows: Rows, { account, entries }: Book): Promise<Window> {
  const [first] = entries;
  const beyond = first === undefined ? {} : { beyond: [account, first.chainAt, first.rank] };
  for (let count = Math.max(WINDOW, entries.length); ; count *= 2) {
    const found = await rows.select(ENTRIES, {
      where: [{ column: "account", is: "=", value: account }],
      orderBy: ["account", "chain_at", "rank"],
      descending: true,
      ...beyond,
      limit: count + 1,
    });
    const window = found.toReversed();
    if (window.length <= count) return { window, left: null };
    const cut = window.findIndex((row, at) => at > 0 && row.kind === "run" && row.rank === 0);
    if (cut > 0) return { window: window.slice(cut), left: window[cut - 1] ?? null };
  }
}

async function leftOf(rows: Rows, account: string, row: Row): Promise<Book["left"]> {
  const standing = row.standing === 1 ? row : await lastStanding(rows, account, row);
  return {
    standing: standing === undefined ? null : String(standing.id),
    running: moneyIn(row.running),
    orderRunning: moneyIn(row.order_running),
    chainAt: BigInt(row.chain_at ?? 0),
    rank: Number(row.rank),
  };
}

async function lastStanding(rows: Rows, account: string, row: Row): Promise<Row | undefined> {
  const [found] = await rows.select(ENTRIES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "standing", is: "=", value: 1 },
    ],
    orderBy: ["account", "chain_at", "rank"],
    descending: true,
    beyond: [account, row.chain_at ?? 0n, row.rank ?? 0],
    limit: 1,
  });
  return found;
}
