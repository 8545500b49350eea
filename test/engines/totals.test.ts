import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { describe } from "@jest/globals";
import { defineTotals } from "../system/totals-cases.ts";
import { postgresEngine } from "./server-engines.ts";

describeOwnPostgres("on PostgreSQL", (use) => {
  describe("totals", () => defineTotals(() => postgresEngine(use().url), 3));
});
