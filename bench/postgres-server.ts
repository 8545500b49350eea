import { createRequire } from "node:module";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/postgres/event-stream";
import {
  findPostgres,
  startThrowAwayServer,
} from "@counterfoil/adapters/postgres/testing/throw-away-server";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { benchClock } from "./ledger.ts";

/** The part of the bare driver that the limits use. */
export type Driver = Readonly<{
  connect(): Promise<unknown>;
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: { position: string; type: string; data: string }[] }>;
  end(): Promise<void>;
}>;

/** The adapters' driver, which is not a dependency of the bench itself. */
const { Client } = createRequire(import.meta.resolve("@counterfoil/adapters/postgres/server"))(
  "pg",
) as { Client: new (url: string) => Driver };

/** Why no server can be started on this machine; null if one can. */
export const missingForPostgres = (): string | null =>
  findPostgres() === null ? "no initdb on this machine" : null;

/** Runs `work` with a temporary server, an empty database and a connection of the bare driver. */
export async function inDatabase<T>(
  work: (database: Readonly<{ url: string; driver: Driver }>) => Promise<T>,
): Promise<T> {
  const binDir = findPostgres();
  if (binDir === null) throw new Error(`${missingForPostgres()}`);
  const server = await startThrowAwayServer(binDir, ["shared_buffers=512MB", "max_wal_size=4GB"]);
  const driver = new Client(server.url);
  try {
    await driver.connect();
    return await work({ url: server.url, driver });
  } finally {
    await driver.end();
    await server.dispose();
  }
}

export function openBenchStream(url: string): Promise<EventStream> {
  return openEventStream({ url, ledger: "default", hashing: nodeHashing, clock: benchClock });
}
