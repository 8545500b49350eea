import type { KeyStore } from "@counterfoil/processing/ports/key-store";
import { STREAM } from "../sql/engine-errors.ts";
import { quoted } from "../sql/tables.ts";
import { type ClientOptions, createReconnectingClient, queryCells } from "./client.ts";
import { type Layout, layOut } from "./layout.ts";
import { type LedgerOnServer, ledgerSchema, serverOf, stateOf } from "./server.ts";

const KEYS_LAYOUT: Layout = {
  part: "keys",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.api_keys (
        key_id text COLLATE "C" PRIMARY KEY, sha256 text NOT NULL
      )`,
  ],
};

const READ: ClientOptions = { access: "read", timeoutMs: 3_000, isPipelined: true };
const WRITE: ClientOptions = { access: "write", timeoutMs: 10_000, isPipelined: false };

/** SQLSTATEs of a missing schema and a missing table. */
const MISSING: ReadonlySet<string | null> = new Set(["3F000", "42P01"]);

/** The keys in the table `api_keys` of the ledger's schema. Both connections are opened on demand. */
export function openKeyStore({ url, ledger }: LedgerOnServer): KeyStore {
  const server = serverOf(url);
  const reader = createReconnectingClient({ server, mapping: STREAM, client: READ });
  const write = { client: WRITE, isExclusive: true } as const;
  const writer = createReconnectingClient({ server, mapping: STREAM, ...write });
  const table = `${quoted(ledgerSchema(ledger))}.api_keys`;
  return {
    digests: () =>
      reader.use(async (client) => {
        try {
          const text = `SELECT key_id, sha256 FROM ${table}`;
          const rows = await queryCells(client, { text });
          return new Map(rows.map(([id, sha256]) => [String(id), String(sha256)]));
        } catch (error) {
          if (MISSING.has(stateOf(error))) return new Map();
          throw error;
        }
      }),
    put: (keyId, digest) =>
      writer.use(async (client) => {
        await layOut(client, ledger, KEYS_LAYOUT);
        const text = `INSERT INTO ${table} VALUES ($1, $2)`;
        await queryCells(client, { text }, [keyId, digest]);
      }),
    remove: (keyId) =>
      writer.use(async (client) => {
        await layOut(client, ledger, KEYS_LAYOUT);
        await queryCells(client, { text: `DELETE FROM ${table} WHERE key_id = $1` }, [keyId]);
      }),
    close: async () => {
      reader.close();
      writer.close();
    },
  };
}
