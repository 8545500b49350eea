import { randomUUID } from "node:crypto";
import type { StoreName } from "@counterfoil/processing/ports/model-store";
import type { ColumnType, Table } from "@counterfoil/processing/ports/table";
import { createTableSql, type Dialect, quoted, quotedList } from "../sql/tables.ts";
import type { Layout } from "./layout.ts";
import { ledgerSchema, modelSchema } from "./server.ts";

/**
 * The catalogue: one row a generation, which is claimed by its insert. `fence` is a mark that every
 * commit replaces: a writer that does not know the last one has not seen the last commit. One that is
 * `building` has its number, but is no generation yet.
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

const UNUSED = "unused ";

/** The first mark of a generation: nothing was ever committed to it. */
export const unusedFence = (): string => `${UNUSED}${randomUUID()}`;
export const isUnused = (fence: string): boolean => fence.startsWith(UNUSED);

/** The table of one generation, as SQL names it. */
export function tableName({ ledger, model, generation }: Place, table: Table): string {
  return `${quoted(modelSchema(ledger, model))}.${quoted(`${table.name}_${generation}`)}`;
}

export const POSTGRES: Dialect = {
  // Text is ordered by code points, whatever the database's language.
  types: { text: 'text COLLATE "C"', integer: "bigint", nanos: "bigint" },
  parameter: (nth) => `$${nth}`,
  isOneOf: (column, type, parameter) => `${column} = ANY(${parameter}::${arrayType(type)})`,
  listOf: (_, values) => values,
};

export const arrayType = (type: ColumnType): string => (type === "text" ? "text[]" : "bigint[]");

export function layOutTableSql(place: Place, table: Table): string {
  return `${createTableSql(POSTGRES, tableName(place, table), table)}; ${indexSql(place, table)}`;
}

/** The indexes beside the key; the server names them. "" where there are none. */
export function indexSql(place: Place, table: Table): string {
  const name = tableName(place, table);
  return table.indexes.map((index) => `CREATE INDEX ON ${name} (${quotedList(index)});`).join(" ");
}
