import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import type { OutOfReach } from "@counterfoil/processing/ports/event-stream";
import { quoted } from "../sql/tables.ts";
import { STREAM } from "../sql/trouble.ts";
import { createReconnectingClient, queryCells, type ReconnectingClient } from "./client.ts";
import { ledgerSchema, type Server } from "./server.ts";
import type { StreamStatements } from "./stream-sql.ts";

/** `VACUUM` of a large table takes its time, and holds nobody up. */
const VACUUM_MS = 3_600_000;

export type EraseOptions = Readonly<{
  server: Server;
  ledger: string;
  writer: ReconnectingClient;
  statements: StreamStatements;
  hashing: Hashing;
}>;

/**
 * Deletes bodies and vacuums their table, so that no query reaches the rows any more. The server
 * overwrites nothing: it hands the space to later rows, and what it wrote elsewhere stays there.
 */
export async function eraseBodies(
  { server, ledger, writer, statements, hashing }: EraseOptions,
  digests: readonly string[],
): Promise<readonly OutOfReach[]> {
  const ids = digests.map((sha256) => bodyErasedId(sha256, hashing));
  await writer.use((client) => queryCells(client, statements.eraseBodies, [digests, ids]));
  const table = `${quoted(ledgerSchema(ledger))}.bodies`;
  const client = { access: "write", timeoutMs: VACUUM_MS, isPipelined: false } as const;
  const vacuuming = createReconnectingClient({ server, stored: STREAM, client });
  try {
    await vacuuming.use((opened) => queryCells(opened, { text: `VACUUM ${table}` }));
  } finally {
    vacuuming.close();
  }
  return [
    {
      where: `free space in the pages of ${table}`,
      until: `later deliveries take it, or \`VACUUM FULL ${table}\` writes the table anew (appends wait meanwhile)`,
    },
    {
      where: "the server's write-ahead log, and archives of it",
      until:
        "`CHECKPOINT` and as many new log files as max_wal_size allows have passed; archives: when they are removed",
    },
    {
      where: "replicas, and what was logically replicated elsewhere",
      until:
        "they have replayed the deletion and vacuumed; copies of another kind: never by itself",
    },
  ];
}
