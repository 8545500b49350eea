import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEventStream as openPostgresStream } from "@counterfoil/adapters/postgres/event-stream";
import { openModelCatalogue as openPostgresModels } from "@counterfoil/adapters/postgres/model-catalogue";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { afterAll } from "@jest/globals";
import { hashing } from "../system/support.ts";
import { describeChanges } from "./changes.ts";

const ledger = "default";
const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-changes-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

describeChanges("SQLite", async (clock) => ({
  stream: await openEventStream({ dataDir, ledger, hashing, clock }),
  catalogue: openModelCatalogue({ dataDir }),
}));

describePostgres("changes on PostgreSQL", (use) => {
  describeChanges("PostgreSQL", async (clock) => {
    const url = await newDatabase(use().url);
    return {
      stream: await openPostgresStream({ url, ledger, hashing, clock }),
      catalogue: openPostgresModels({ url, ledger }),
    };
  });
});
