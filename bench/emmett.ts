import { createRequire } from "node:module";

/**
 * Emmett's ESM build imports a function that the version of `uuid` here does not have. The
 * CommonJS build is the same code, and only requires explicit processor ids.
 */
export const emmett = createRequire(import.meta.url)(
  "@event-driven-io/emmett-postgresql",
) as typeof import("@event-driven-io/emmett-postgresql");

/** One of our events in emmett's form. */
export type EmmettEvent = Readonly<{ type: string; data: Record<string, string> }>;

/** Emmett's SQL builder, a dependency of emmett and not of this package. */
export const dumbo = createRequire(
  createRequire(import.meta.url).resolve("@event-driven-io/emmett-postgresql"),
)("@event-driven-io/dumbo") as Readonly<{
  sql: (text: string, ...values: readonly unknown[]) => never;
  rawSql: (text: string) => never;
}>;
