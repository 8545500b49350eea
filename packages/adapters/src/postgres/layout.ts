import { FormatTooNew, LedgerMismatch } from "@counterfoil/processing/ports/errors";
import type { ClientBase } from "pg";
import { quoted } from "../sql/tables.ts";
import { queryCells } from "./client.ts";
import {
  isConnectionLost,
  ledgerSchema,
  lockKey,
  NOT_ALLOWED,
  ServerUnfit,
  stateOf,
} from "./server.ts";

/** Tables that belong together and are laid out by one numbered list of migrations. */
export type Layout = Readonly<{
  part: "stream" | "models" | "identities" | "keys";
  /** From schema name to SQL; the first makes format 1 of nothing. None ever changes again. */
  migrations: readonly ((schema: string) => string)[];
}>;

type LayoutState = "complete" | "missing" | "older";

/**
 * Brings a part of the ledger's schema to this program's format. Of several processes that start
 * at once one does it, and the others wait for it and find it done.
 *
 * @throws LedgerMismatch, FormatTooNew when it must not be touched
 */
export async function layOut(client: ClientBase, ledger: string, layout: Layout): Promise<void> {
  if ((await readLayout(client, ledger, layout)) === "complete") return;
  const schema = ledgerSchema(ledger);
  try {
    await inTransaction(client, async () => {
      await lockSchema(client, schema);
      await createSchema(client, schema);
      await client.query(`CREATE TABLE IF NOT EXISTS ${metaOf(schema)} ${META_COLUMNS}`);
      await migrate(client, ledger, layout);
    });
  } catch (error) {
    throw explained(error, client, schema);
  }
}

/** Only looks. @throws LedgerMismatch, FormatTooNew */
export async function readLayout(
  client: ClientBase,
  ledger: string,
  { part, migrations }: Layout,
): Promise<LayoutState> {
  const schema = ledgerSchema(ledger);
  const [found] = await queryCells(client, { text: "SELECT to_regclass($1)" }, [metaOf(schema)]);
  if (found?.[0] === null) return "missing";
  const rows = await queryCells(client, { text: `SELECT key, value FROM ${metaOf(schema)}` });
  const meta = new Map(rows.map(([key, value]) => [key, value]));
  const owner = meta.get("ledger");
  if (owner !== undefined && owner !== ledger) throw mismatch(schema, String(owner), ledger);
  const format = Number(meta.get(`${part}_format`) ?? 0);
  if (format > migrations.length) throw tooNew(schema, part, format, migrations.length);
  if (format === migrations.length) return "complete";
  return format === 0 ? "missing" : "older";
}

/** Held to the end of the transaction by every process that lays anything out in the schema. */
export async function lockSchema(client: ClientBase, schema: string): Promise<void> {
  const key = lockKey("layout", schema);
  await queryCells(client, { text: "SELECT pg_advisory_xact_lock($1)" }, [key]);
}

/** Asks before it creates: IF NOT EXISTS needs the right to create also where it does nothing. */
export async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const [found] = await queryCells(client, { text: "SELECT to_regnamespace($1)" }, [
    quoted(schema),
  ]);
  if (found?.[0] === null) await client.query(`CREATE SCHEMA ${quoted(schema)}`);
}

export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("BEGIN");
  try {
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction.
    if (!isConnectionLost(error)) await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

const META_COLUMNS = '(key text COLLATE "C" PRIMARY KEY, value text NOT NULL)';

const metaOf = (schema: string): string => `${quoted(schema)}.meta`;

/** Under the schema's lock: what is found here stays. */
async function migrate(client: ClientBase, ledger: string, layout: Layout): Promise<void> {
  const { part, migrations } = layout;
  const schema = ledgerSchema(ledger);
  if ((await readLayout(client, ledger, layout)) === "complete") return;
  const meta = metaOf(schema);
  const key = `${part}_format`;
  const [row] = await queryCells(client, { text: `SELECT value FROM ${meta} WHERE key = $1` }, [
    key,
  ]);
  for (const migration of migrations.slice(Number(row?.[0] ?? 0))) {
    await client.query(migration(quoted(schema)));
  }
  const put = `INSERT INTO ${meta} VALUES ('ledger', $1), ($2, $3) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
  await queryCells(client, { text: put }, [ledger, key, String(migrations.length)]);
}

function mismatch(schema: string, found: string, expected: string): LedgerMismatch {
  return new LedgerMismatch(
    `schema ${schema} belongs to ledger "${found}", expected "${expected}": set COUNTERFOIL_LEDGER or COUNTERFOIL_POSTGRES_URL so that they agree`,
  );
}

function tooNew(schema: string, part: string, found: number, known: number): FormatTooNew {
  return new FormatTooNew(
    `the ${part} tables in schema ${schema} have format ${found}, and this program knows none above ${known}: run the newer program that laid them out`,
  );
}

/** For a role without the right to create: which right that is, and how to grant it. */
export function explained(error: unknown, client: ClientBase, schema: string): unknown {
  if (stateOf(error) !== NOT_ALLOWED) return error;
  const { user, database } = client as { user?: string; database?: string };
  const role = quoted(user ?? "?");
  const grants = `GRANT CREATE ON DATABASE ${quoted(database ?? "?")} TO ${role}`;
  const { message } = error as Error;
  return new ServerUnfit(
    `${message}, needed to lay out schema ${schema}`,
    `run ${grants} (where the schema is there already: GRANT USAGE, CREATE ON SCHEMA ${quoted(schema)} TO ${role})`,
  );
}
