import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEventStream as openPostgresStream } from "@counterfoil/adapters/postgres/event-stream";
import { openModelCatalogue as openPostgresModels } from "@counterfoil/adapters/postgres/model-catalogue";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { afterAll, jest } from "@jest/globals";
import { hashing } from "../system/support.ts";
import { describePlatforms, type OpenEngine } from "./platforms.ts";
import { eventstoreEngine } from "./server-engines.ts";

jest.setTimeout(900_000);

const ledger = "default";
const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-platforms-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

describePlatforms("SQLite", async (clock) => ({
  stream: await openEventStream({ dataDir, ledger, hashing, clock }),
  catalogue: openModelCatalogue({ dataDir }),
}));

describePostgres("platforms on servers", (use) => {
  describePlatforms("PostgreSQL", async (clock) => {
    const url = await newDatabase(use().url);
    return {
      stream: await openPostgresStream({ url, ledger, hashing, clock }),
      catalogue: openPostgresModels({ url, ledger }),
    };
  });

  const disposals: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const dispose of disposals) await dispose();
  });
  // The models are PostgreSQL's again: of the stream two keys tell, one that sees something and one that does not.
  const open: OpenEngine = async (clock) => {
    const { openStream, catalogue, dispose } = await eventstoreEngine(use().url)(clock);
    disposals.push(dispose);
    return { stream: await openStream(), catalogue };
  };
  describePlatforms("EventStoreDB with PostgreSQL", open, ["alder", "stranger"]);
});
