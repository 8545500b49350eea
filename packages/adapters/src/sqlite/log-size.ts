import type { DatabaseSync } from "node:sqlite";

export type LogSize = Readonly<{
  /** From how many rows on a commit is bulk: a rebuild, an import, a full group of webhooks. */
  bulkRows: number;
  livePages: number;
  bulkPages: number;
}>;

/**
 * After how many pages the log is copied back into the file. Indexes are written all over, and a
 * page that lies in the log longer is copied back less often, so bulk work is a third faster when
 * that is done rarely. Beside live traffic it is done often, in portions that delay no commit by
 * more than some milliseconds.
 *
 * @returns a function to be called before each commit with the number of its rows.
 */
export function createLogSizer(database: DatabaseSync, size: LogSize): (rows: number) => void {
  let present = 0;
  return (rows) => {
    const wanted = rows < size.bulkRows ? size.livePages : size.bulkPages;
    if (wanted === present) return;
    database.exec(`PRAGMA wal_autocheckpoint = ${wanted}`);
    present = wanted;
  };
}
