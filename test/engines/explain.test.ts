import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { defineExplainLaws } from "../system/explain-laws.ts";
import { postgresEngine } from "./server-engines.ts";

describePostgres("what explanations say on PostgreSQL", (use) => {
  defineExplainLaws(() => postgresEngine(use().url));
});
