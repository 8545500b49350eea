import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { jest } from "@jest/globals";
import { defineExplainLaws } from "../system/explain-laws.ts";
import { postgresEngine } from "./server-engines.ts";

jest.setTimeout(600_000);

describePostgres("what explanations say on PostgreSQL", (use) => {
  defineExplainLaws(() => postgresEngine(use().url));
});
