import { chmodSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { KeyStore } from "@counterfoil/processing/ports/key-store";
import { STREAM } from "../sql/engine-errors.ts";
import { openDatabase, portError, whileBusy } from "./database.ts";

const LAYOUT = "CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, sha256 TEXT NOT NULL)";
const IS_LAID_OUT = "SELECT 1 FROM sqlite_schema WHERE name = 'keys'";

/** Other users must not read the digests, since they could search for a matching secret offline. */
const OWNER_ONLY = 0o600;

/**
 * The keys in `<dataDir>/keys.db`, beside the stream. The file is opened for each call, which comes
 * about once a second, so a deleted or replaced file is noticed by the next call.
 */
export function openKeyStore({ dataDir }: Readonly<{ dataDir: string }>): KeyStore {
  const file = join(resolve(dataDir), "keys.db");

  async function use<T>(mode: "create" | "read", work: (database: DatabaseSync) => T): Promise<T> {
    try {
      return await whileBusy(() => {
        const database = openDatabase(file, { mode, pragmas: [] });
        try {
          return work(database);
        } finally {
          database.close();
        }
      });
    } catch (error) {
      throw portError(error, STREAM, file);
    }
  }

  return {
    digests: async () => {
      if (!existsSync(file)) return new Map();
      return use("read", (database) => {
        if (database.prepare(IS_LAID_OUT).get() === undefined) return new Map();
        const rows = database.prepare("SELECT id, sha256 FROM keys").all();
        return new Map(rows.map(({ id, sha256 }) => [String(id), String(sha256)]));
      });
    },
    put: (keyId, digest) =>
      use("create", (database) => {
        chmodSync(file, OWNER_ONLY);
        database.exec(LAYOUT);
        database.prepare("INSERT INTO keys VALUES (?, ?)").run(keyId, digest);
      }),
    remove: async (keyId) => {
      if (!existsSync(file)) return;
      await use("create", (database) => {
        database.exec(LAYOUT);
        database.prepare("DELETE FROM keys WHERE id = ?").run(keyId);
      });
    },
    close: async () => {},
  };
}
