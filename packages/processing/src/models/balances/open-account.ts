import { type Book, emptyBook, setEntries } from "@counterfoil/core/balances/book";
import { type Entry, entryId } from "@counterfoil/core/balances/entry";
import type { Connection } from "@counterfoil/core/feed-lines";
import type { Rows } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
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
  /** As last committed; null where the account is new. */
  stored: Row | null;
  readonly storedEntries: Map<string, Row>;
  readonly dirtyEntries: Set<Entry>;
  isDirty: boolean;
};

/** Entries that are brought in at first; further ones by doubling, when the fold asks for them. */
export const WINDOW = 8;

/** Opens an account with at least `entries` of its last entries, where it has as many. */
export async function openAccount(
  rows: Rows,
  id: string,
  entries: number,
  connections: ReadonlyMap<string, Connection>,
): Promise<OpenAccount> {
  const stored = await rows.get(ACCOUNTS, [id]);
  if (stored === null) return opened(newAccount(id), emptyBook(id), null, []);
  const account = accountFromRow(stored);
  const { window, left } = await readWindow(rows, id, entries);
  const book = emptyBook(id);
  setEntries(
    book,
    window.map((row) => entryFromRow(row, id, connections)),
  );
  for (const entry of book.entries) book.byId.set(entryId(entry), entry);
  for (const [line, head] of headsFrom(String(stored.heads))) book.heads.set(line, head);
  if (left !== null) {
    book.complete = false;
    book.left = await leftOf(rows, id, left);
  }
  return opened(account, book, stored, window);
}

function opened(
  account: Account,
  book: Book,
  stored: Row | null,
  entries: readonly Row[],
): OpenAccount {
  return {
    account,
    book,
    columns: changingColumns(account),
    stored,
    storedEntries: new Map(entries.map((row) => [String(row.id), row])),
    dirtyEntries: new Set(),
    isDirty: false,
  };
}

type Window = Readonly<{
  /** In order. */
  window: readonly Row[];
  /** The row before the window; null where the account begins with it. */
  left: Row | null;
}>;

/** The last rows, cut where a chain begins, since a chain is ordered as a whole. */
async function readWindow(rows: Rows, account: string, atLeast: number): Promise<Window> {
  for (let count = atLeast; ; count *= 2) {
    const found = await rows.select(ENTRIES, {
      where: [{ column: "account", is: "=", value: account }],
      orderBy: ["account", "chain_at", "rank"],
      descending: true,
      limit: count + 1,
    });
    const window = found.toReversed();
    if (window.length <= count) return { window, left: null };
    const cut = window.findIndex((row, at) => at > 0 && row.kind === "run" && row.rank === 0);
    if (cut > 0 && cut <= 1 + count / 2)
      return { window: window.slice(cut), left: window[cut - 1] ?? null };
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
