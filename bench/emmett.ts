import { createRequire } from "node:module";

/**
 * Its ESM build asks `uuid` for a function that the version it resolves to here does not have; the
 * CommonJS build is the same code, and only wants its own ids given.
 */
export const emmett = createRequire(import.meta.url)(
  "@event-driven-io/emmett-postgresql",
) as typeof import("@event-driven-io/emmett-postgresql");

/** An event of ours in its form. */
export type EmmettEvent = Readonly<{ type: string; data: Record<string, string> }>;

/** What it writes its statements with; it depends on it, we do not. */
export const dumbo = createRequire(
  createRequire(import.meta.url).resolve("@event-driven-io/emmett-postgresql"),
)("@event-driven-io/dumbo") as Readonly<{
  sql: (text: string, ...values: readonly unknown[]) => never;
  rawSql: (text: string) => never;
}>;
