import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { EMPTY_DIGEST, type Hashing } from "@counterfoil/core/hashing";
import { balancesProjection } from "../models/balances/projection.ts";
import { ACCOUNTS, ENTRIES, STATEMENTS } from "../models/balances/tables.ts";
import type {
  Checkpoint,
  Commit,
  ModelCatalogue,
  ModelStore,
  Row,
  Table,
  Value,
} from "../ports/model-store.ts";
import { compareRows, everyRow } from "../projection/selection.ts";

type FoldOptions = Readonly<{ catalogue: ModelCatalogue; hashing: Hashing }>;

type Page = readonly RecordedEvent[];
type Pages = AsyncIterable<Page> | Iterable<Page>;

/** The content of a proof about an account, with keys in the order of canonical JSON. */
export type FoldedAccount = Readonly<{
  balance: string | null;
  entries: readonly Readonly<Record<string, Value | undefined>>[];
  snapshots: readonly Readonly<Record<string, Value | undefined>>[];
}>;

/**
 * Folds the facts of one account with the rules of every projection. Its rows are read once and
 * discarded: they are only stored if there are too many for memory.
 *
 * @param pages of events, in order, and each feed opened before the snapshots of it
 * @returns null if the events form no account
 */
export async function foldAccount(
  { catalogue, hashing }: FoldOptions,
  account: string,
  pages: Pages,
): Promise<FoldedAccount | null> {
  const { tables, version: modelVersion, types } = balancesProjection;
  const store = createDeferredStore(() =>
    catalogue.openScratch("balances", { tables, modelVersion }),
  );
  try {
    const session = await balancesProjection.open(store, hashing, false);
    for await (const events of pages) {
      for (const event of events) if (types.has(event.type)) await session.apply(event);
    }
    await session.commit();
    const [stored] = await store.rowsOf(ACCOUNTS, account, ["id"]);
    if (stored === undefined) return null;
    return {
      balance: stored.balance === null ? null : String(stored.balance),
      entries: entriesIn(
        await store.rowsOf(ENTRIES, account, ["account", "placed_at", "rank", "mark"]),
      ),
      snapshots: (await store.rowsOf(STATEMENTS, account, ["account", "connection", "frame"])).map(
        ({ confirmed_by, connection, frame }) => ({
          ...{ confirmed_by, connection, frame: String(frame) },
        }),
      ),
    };
  } finally {
    await store.close();
  }
}

function entriesIn(rows: readonly Row[]) {
  let before: Value = null;
  return rows.map((row) => {
    const { id, missing, opening, running } = row;
    const change = row.kind === "snapshot" ? "0" : row.change;
    const entry = { after: running, before, change, id, missing, opening };
    before = running === undefined ? null : running;
    return entry;
  });
}

const ROWS_AT_ONCE = 1000;

type DeferredStore = ModelStore &
  Readonly<{
    /**
     * The account's rows of a table, in an order that begins with the column of the account's id.
     */
    rowsOf(table: Table, account: string, orderBy: readonly string[]): Promise<readonly Row[]>;
  }>;

const START: Checkpoint = {
  ...{ position: 0, hash: "", digest: EMPTY_DIGEST, state_digest: EMPTY_DIGEST },
};

/**
 * An empty store that keeps its first commit in memory. A fold reads from it only after an
 * intermediate commit, which happens when there are too many rows: then they are stored.
 */
function createDeferredStore(open: () => Promise<ModelStore>): DeferredStore {
  let firstCommit: Commit | null = null;
  let opened: ModelStore | null = null;

  /** @returns null if nothing was ever written */
  async function stored(): Promise<ModelStore | null> {
    if (firstCommit === null) return opened;
    opened = await open();
    await opened.commit(firstCommit);
    firstCommit = null;
    return opened;
  }

  return {
    model: "balances",
    generation: 0,
    checkpoint: async () => firstCommit?.checkpoint ?? (await opened?.checkpoint()) ?? START,
    get: async (table, key) => (await stored())?.get(table, key) ?? null,
    select: async (table, selection) => (await stored())?.select(table, selection) ?? [],
    count: async (table, where, most) => (await stored())?.count(table, where, most) ?? 0,
    commit: async (commit) => {
      const store = await stored();
      if (store === null) firstCommit = commit;
      else await store.commit(commit);
    },
    rowsOf: async (table, account, orderBy) => {
      const [column = ""] = orderBy;
      if (firstCommit === null) {
        const where = [{ column, is: "=", value: account }] as const;
        const selection = { where, orderBy, limit: ROWS_AT_ONCE };
        return opened === null ? [] : Array.fromAsync(everyRow(opened, table, selection));
      }
      const written = [...firstCommit.inserts, ...firstCommit.puts].filter(
        (one) => one.table === table,
      );
      return written
        .flatMap(({ rows }) => rows)
        .filter((row) => row[column] === account)
        .sort(compareRows(orderBy));
    },
    close: async () => opened?.close(),
  };
}
