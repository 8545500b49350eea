import { randomUUID } from "node:crypto";

import type { Checkpoint, StoreName } from "@counterfoil/processing/ports/model-store";
import type { ColumnType, Table } from "@counterfoil/processing/ports/table";
import type { Cells } from "./client.ts";
import type { Layout } from "./layout.ts";
import { ledgerSchema, modelSchema, quoted, quotedList } from "./sql-name.ts";

/** Of one generation's tables; the meaning of their rows has the model's version. */
export const GENERATION_FORMAT = 1;

/**
 * The catalogue: one row a generation, which is claimed by its insert. `fence` is a mark that every
 * commit replaces: who does not know the last one has not seen the last commit. One that is `building`
 * has its number, but is no generation yet.
 */
export const MODELS_LAYOUT: Layout = {
  part: "models",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.generations (
        model text COLLATE "C" NOT NULL,
        generation integer NOT NULL,
        format integer NOT NULL,
        model_version integer NOT NULL,
        tables text[] NOT NULL,
        position bigint NOT NULL,
        hash text NOT NULL,
        digest text NOT NULL,
        state_digest text NOT NULL,
        fence text NOT NULL,
        building boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (model, generation)
      )`,
  ],
};

/** One generation of a model, and where it lies. */
export type Place = Readonly<{ ledger: string; model: StoreName; generation: number }>;

export function catalogueOf(ledger: string): string {
  return `${quoted(ledgerSchema(ledger))}.generations`;
}

/** What the digests of no rows are. */
export const NO_ROWS = "0".repeat(64);

const UNUSED = "unused ";

/** The first mark of a generation: nothing was ever committed to it. */
export const unusedFence = (): string => `${UNUSED}${randomUUID()}`;
export const isUnused = (fence: string): boolean => fence.startsWith(UNUSED);

/** The table of one generation, as SQL names it. */
export function tableName({ ledger, model, generation }: Place, table: Table): string {
  return `${quoted(modelSchema(ledger, model))}.${quoted(`${table.name}_${generation}`)}`;
}

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  // By code points, whatever the database's language.
  text: 'text COLLATE "C"',
  integer: "bigint",
  nanos: "bigint",
};

export function tableSql(place: Place, table: Table): string {
  const name = tableName(place, table);
  const columns = Object.entries(table.columns).map(
    ([column, { type }]) =>
      `${quoted(column)} ${SQL_TYPES[type]}${table.key.includes(column) ? " NOT NULL" : ""}`,
  );
  const key = `PRIMARY KEY (${quotedList(table.key)})`;
  return `CREATE TABLE ${name} (${columns.join(", ")}, ${key}); ${indexSql(place, table)}`;
}

/** The indexes beside the key; the server names them. "" where there are none. */
export function indexSql(place: Place, table: Table): string {
  const name = tableName(place, table);
  return table.indexes.map((index) => `CREATE INDEX ON ${name} (${quotedList(index)});`).join(" ");
}

export const CHECKPOINT_COLUMNS = "position, hash, digest, state_digest";

/** A row of the columns above. */
export function checkpointOf([position, hash, digest, stateDigest]: Cells): Checkpoint {
  return {
    position: Number(position),
    hash: String(hash),
    digest: String(digest),
    state_digest: String(stateDigest),
  };
}
