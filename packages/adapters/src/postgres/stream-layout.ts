import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import type { ClientBase } from "pg";
import { STREAM } from "../sql/engine-errors.ts";
import { IS_INDEXED_TYPE } from "../sql/events.ts";
import { added, different, layOutAgain, missing, replaceTable } from "../sql/other-layout.ts";
import { quoted } from "../sql/tables.ts";
import { type Cells, createReconnectingClient, queryCells } from "./client.ts";
import { type LedgerOnServer, ledgerSchema, type Server, serverOf } from "./server.ts";

/** The columns that `STREAM_LAYOUT` lays out, by table. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  events: [
    ...["position bigint NOT NULL", "id text NOT NULL", "type text NOT NULL"],
    ...["schema_version integer NOT NULL", "subject text NOT NULL", "occurred_at bigint"],
    ...["recorded_at bigint NOT NULL", "causation_id text", "correlation_id text"],
    ...["hash text NOT NULL", "about text", "data text NOT NULL"],
  ],
  bodies: ["sha256 text NOT NULL", "bytes bytea NOT NULL"],
};

/** An index of the layout; what it is is compared, and its name only printed. */
type Index = Readonly<{ name: string; table: string; is: string; add: (table: string) => string }>;

const INDEXES: readonly Index[] = [
  {
    ...{ name: "events_pkey", table: "events", is: "unique (position)" },
    add: (table) => `ALTER TABLE ${table} ADD CONSTRAINT events_pkey PRIMARY KEY (position)`,
  },
  {
    ...{ name: "events_id_key", table: "events", is: "unique (id)" },
    add: (table) => `ALTER TABLE ${table} ADD CONSTRAINT events_id_key UNIQUE (id)`,
  },
  {
    ...{ name: "events_about", table: "events", is: "(about, position) of some rows" },
    add: (table) =>
      `CREATE INDEX events_about ON ${table} (about, position) WHERE about IS NOT NULL`,
  },
  {
    ...{ name: "events_rare", table: "events", is: "(type, position + 0) of some rows" },
    add: (table) =>
      `CREATE INDEX events_rare ON ${table} (type, (position + 0)) WHERE ${IS_INDEXED_TYPE}`,
  },
  {
    ...{ name: "bodies_pkey", table: "bodies", is: "unique (sha256)" },
    add: (table) => `ALTER TABLE ${table} ADD CONSTRAINT bodies_pkey PRIMARY KEY (sha256)`,
  },
];

/** The server prints an expression with quotes and parentheses that depend on its version. */
const FOUND_INDEXES = `
  SELECT relname, CASE WHEN indisunique THEN 'unique ' ELSE '' END
    || '(' || (
      SELECT string_agg(translate(pg_get_indexdef(indexrelid, at, true), '"()', ''), ', ' ORDER BY at)
      FROM generate_series(1, indnkeyatts) AS at
    ) || ')'
    || CASE WHEN indpred IS NULL THEN '' ELSE ' of some rows' END
    || CASE WHEN indisvalid THEN '' ELSE ', not valid' END,
    indisunique
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
  WHERE indrelid = to_regclass($1) ORDER BY relname`;

const FOUND_COLUMNS = `
  SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
  FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

/** What changes, hides or refuses rows: triggers, rules, policies, and the constraints that are no indexes. */
const FOUND_ADDITIONS = `
  SELECT 'TRIGGER', tgname FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal
  UNION ALL SELECT 'RULE', rulename FROM pg_rewrite WHERE ev_class = to_regclass($1)
  UNION ALL SELECT 'POLICY', polname FROM pg_policy WHERE polrelid = to_regclass($1)
  UNION ALL SELECT 'CONSTRAINT', conname FROM pg_constraint
    WHERE conrelid = to_regclass($1) AND contype IN ('c', 'f')`;

/**
 * Compares the tables, indexes, triggers, rules and constraints of a stream with those that this program lays out.
 *
 * @returns what is missing, different or added, and what to do about each
 * @throws StreamUnavailable
 */
export async function findOtherLayout({ url, ledger }: LedgerOnServer): Promise<readonly string[]> {
  const server = serverOf(url);
  const client = { access: "read", timeoutMs: 10_000, isPipelined: false } as const;
  const reader = createReconnectingClient({ server, mapping: STREAM, client });
  const schema = quoted(ledgerSchema(ledger));
  try {
    return await reader.use(async (connection) => {
      const found: string[] = [];
      for (const name of Object.keys(COLUMNS)) {
        found.push(...(await differences(connection, schema, name)));
      }
      return found;
    });
  } finally {
    reader.close();
  }
}

async function differences(
  client: ClientBase,
  schema: string,
  name: string,
): Promise<readonly string[]> {
  const table = `${schema}.${name}`;
  const read = (text: string) => queryCells(client, { text }, [table]);
  const columns = await read(FOUND_COLUMNS);
  if (columns.length === 0) return [missing(`table ${name}`, TABLE_ADVICE)];
  const found = columns.map(([column]) => column).join(", ");
  const expected = (COLUMNS[name] ?? []).join(", ");
  const ofTable =
    found === expected ? [] : [different(`table ${name}`, found, expected, TABLE_ADVICE)];
  const ofIndexes = indexDifferences(await read(FOUND_INDEXES), { schema, name });
  const others = (await read(FOUND_ADDITIONS)).map(([kind, other]) => {
    const drop = `DROP ${kind} ${quoted(String(other))}`;
    const isConstraint = kind === "CONSTRAINT";
    const object = `${String(kind).toLowerCase()} ${other}`;
    return added(object, isConstraint ? `ALTER TABLE ${table} ${drop}` : `${drop} ON ${table}`);
  });
  return [...ofTable, ...ofIndexes, ...others];
}

const TABLE_ADVICE = replaceTable("what is there");

/** An index that refuses rows and is not of the layout is named; one that only serves readers changes nothing. */
function indexDifferences(
  found: readonly Cells[],
  { schema, name }: Readonly<{ schema: string; name: string }>,
): readonly string[] {
  const laidOut = INDEXES.filter(({ table }) => table === name);
  const lacking = laidOut
    .filter((index) => !found.some(([, is]) => is === index.is))
    .map((index) => {
      const object = `index ${index.name}`;
      const present = found.find(([other]) => other === index.name)?.[1];
      const add = index.add(`${schema}.${name}`);
      return typeof present === "string"
        ? different(object, present, index.is, layOutAgain(`${dropOf(index, schema)}; ${add}`))
        : missing(object, layOutAgain(add));
    });
  const names = new Set<unknown>(laidOut.map((index) => index.name));
  const known = new Set<unknown>(laidOut.map(({ is }) => is));
  const others = found
    .filter(([other, is, isUnique]) => isUnique === "t" && !names.has(other) && !known.has(is))
    .map(([other]) => added(`index ${other}`, `DROP INDEX ${schema}.${quoted(String(other))}`));
  return [...lacking, ...others];
}

const dropOf = ({ name, table, add }: Index, schema: string): string =>
  add("").startsWith("ALTER")
    ? `ALTER TABLE ${schema}.${table} DROP CONSTRAINT IF EXISTS ${name}`
    : `DROP INDEX ${schema}.${name}`;

const IS_ID_UNIQUE = `
  SELECT FROM pg_index
  WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid AND indpred IS NULL
    AND indnkeyatts = 1 AND pg_get_indexdef(indexrelid, 1, true) = 'id'`;

/**
 * Checks before anything is appended that the server refuses an id that is stored already: otherwise one fact
 * could be counted twice.
 *
 * @throws StreamCorrupted
 */
export async function checkIdsAreUnique(
  client: ClientBase,
  server: Server,
  ledger: string,
): Promise<void> {
  const schema = ledgerSchema(ledger);
  const found = await queryCells(client, { text: IS_ID_UNIQUE }, [`${quoted(schema)}.events`]);
  if (found.length > 0) return;
  throw new StreamCorrupted(
    `nothing keeps event ids unique in schema ${schema} of ${server.name}, so it is not appended to: \`counterfoil verify\` says what is missing, and what to do`,
  );
}
