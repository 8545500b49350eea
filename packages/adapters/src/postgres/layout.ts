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

/** A group of tables that is created and migrated by one numbered list of migrations. */
export type Layout = Readonly<{
  part: "stream" | "models" | "identities" | "keys";
  /** SQL by schema name; the first one creates format 1. A released migration never changes. */
  migrations: readonly ((schema: string) => string)[];
}>;

type LayoutState = "complete" | "missing" | "older";

/**
 * Migrates a part of the ledger's schema to the current format. If several processes start at once, one
 * migrates, and the others wait and find it done.
 *
 * @throws LedgerMismatch, FormatTooNew if the schema must not be changed
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

/** Reads the state of a layout without changing it. @throws LedgerMismatch, FormatTooNew */
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

/** Takes the lock for changes of the schema's tables, and holds it until the transaction ends. */
export async function lockSchema(client: ClientBase, schema: string): Promise<void> {
  const key = lockKey("layout", schema);
  await queryCells(client, { text: "SELECT pg_advisory_xact_lock($1)" }, [key]);
}

/** Checks before it creates, because IF NOT EXISTS requires the right to create even if it does nothing. */
export async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const [found] = await queryCells(client, { text: "SELECT to_regnamespace($1)" }, [
    quoted(schema),
  ]);
  if (found?.[0] === null) await client.query(`CREATE SCHEMA ${quoted(schema)}`);
}

/** Commits when `work` resolves, and rolls back when it rejects. */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("BEGIN");
  try {
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // If the connection is lost, the server rolls back.
    if (!isConnectionLost(error)) await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

const META_COLUMNS = '(key text COLLATE "C" PRIMARY KEY, value text NOT NULL)';

const metaOf = (schema: string): string => `${quoted(schema)}.meta`;

/** Runs under the schema's lock, so the state that it reads cannot change. */
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

/** Explains the error of a role without the right to create, with the command that grants it. */
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
