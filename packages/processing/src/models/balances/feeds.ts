import type { Rows } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { CONNECTIONS, COVERED } from "./tables.ts";

/** What is known of the feeds: where each connection was opened, and what snapshots cover. */
export interface Feeds {
  opened(connection: string, position: number): void;
  /** Where it was opened; null where that is not known. */
  openedAt(connection: string): Promise<number | null>;
  /**
   * Its snapshot is complete.
   *
   * @returns whether it is the newest that is: only that one says who is left out.
   */
  completed(connection: string, position: number): Promise<boolean>;
  /** Where the feed of the newest complete snapshot was opened; 0 where there is none. */
  lastCompleteOpenedAt(): number;
  cover(code: string): Promise<void>;
  isCovered(code: string): Promise<boolean>;
}

/** Codes kept in memory; beyond, they are forgotten and looked up again. */
const CODES_KEPT = 10_000;

export async function openFeeds(store: Rows, buffer: RowBuffer): Promise<Feeds> {
  let [last] = await store.select(CONNECTIONS, {
    where: [{ column: "completed_at", is: ">", value: 0 }],
    orderBy: ["completed_at", "connection"],
    descending: true,
    limit: 1,
  });
  /** The one that is asked for again and again while its snapshot is folded. */
  let recent: Row | null = null;
  const covered = new Set<string>();

  async function find(connection: string): Promise<Row | null> {
    if (recent?.connection === connection) return recent;
    recent = await buffer.get(CONNECTIONS, [connection]);
    return recent;
  }

  function put(row: Row, stored: Row | null): void {
    buffer.put(CONNECTIONS, row, stored);
    recent = row;
  }

  return {
    opened: (connection, opened_at) => put({ connection, opened_at, completed_at: 0 }, null),
    openedAt: async (connection) => {
      const row = await find(connection);
      return row === null ? null : Number(row.opened_at);
    },
    async completed(connection, position) {
      const row = await find(connection);
      if (row === null) return false;
      const complete = { ...row, completed_at: position };
      put(complete, row);
      if (Number(last?.opened_at ?? 0) >= Number(row.opened_at)) return false;
      last = complete;
      return true;
    },
    lastCompleteOpenedAt: () => Number(last?.opened_at ?? 0),
    async cover(code) {
      if (covered.has(code)) return;
      if (covered.size >= CODES_KEPT) covered.clear();
      covered.add(code);
      if ((await buffer.get(COVERED, [code])) === null) buffer.put(COVERED, { code }, null);
    },
    async isCovered(code) {
      return covered.has(code) || (await buffer.get(COVERED, [code])) !== null;
    },
  };
}
