import { setTimeout as wait } from "node:timers/promises";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { OutOfReach } from "@counterfoil/processing/ports/event-stream";
import { inTransaction, type ReconnectingConnection } from "./database.ts";
import { KEEPS_NO_REMNANTS, type StreamConnection } from "./stream-file.ts";

type Use = ReconnectingConnection<StreamConnection>["use"];

/**
 * Deletes bodies, overwrites where they were, and empties the log in which they may stand too. Beside
 * a running service: appends wait for the milliseconds of the deletion and of the log's.
 *
 * A file from before deletions overwrote may hold copies of its first bodies where its pages were
 * divided. It is written anew once, for which appends wait; later erasures find it clean.
 *
 * @throws StreamUnavailable where somebody reads from the log for too long
 */
export async function eraseBodies(
  use: Use,
  file: string,
  digests: readonly string[],
  hashing: Hashing,
): Promise<readonly OutOfReach[]> {
  await use((connection) => deleteBodies(connection, digests, hashing));
  await use(writeAnewOnce);
  await emptyLog(use, file);
  return OUT_OF_REACH;
}

const OUT_OF_REACH: readonly OutOfReach[] = [
  {
    where: "blocks of the disk that a file system or a drive with copies on write has set aside",
    until: "it uses them again; encrypted disks that are thrown away whole need no wait",
  },
];

function deleteBodies(
  { database, statements }: StreamConnection,
  digests: readonly string[],
  hashing: Hashing,
): void {
  inTransaction(database, "IMMEDIATE", () => {
    for (const sha256 of digests) {
      statements.eraseBody.run(sha256, bodyErasedId(sha256, hashing));
    }
  });
}

function writeAnewOnce({ database }: StreamConnection): void {
  const known = database.prepare("SELECT 1 FROM meta WHERE key = ?").get(KEEPS_NO_REMNANTS);
  if (known !== undefined) return;
  database.exec("VACUUM");
  database.prepare("INSERT OR IGNORE INTO meta VALUES (?, 'written anew')").run(KEEPS_NO_REMNANTS);
}

const PATIENCE_MS = 30_000;
const PAUSE_MS = 25;

/** Into the file with all of it, and the log's own file to nothing; a reader may hold it for a moment. */
async function emptyLog(use: Use, file: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  const isEmptied = ({ database }: StreamConnection) =>
    database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
  while (!(await use(isEmptied))) {
    if (performance.now() > deadline) {
      throw new StreamUnavailable(
        `the bytes are gone from ${file}, but its log ${file}-wal may hold them still, since another process has read from it for ${PATIENCE_MS / 1000} s: erase once more when that has ended`,
      );
    }
    await wait(PAUSE_MS);
  }
}
