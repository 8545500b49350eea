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
import { EFFORT, hashing } from "../system/support.ts";
import { type Asked, describePlatforms, type OpenEngine, WHOLE } from "./platforms.ts";
import { eventstoreEngine } from "./server-engines.ts";

jest.setTimeout(900_000);

/**
 * What a key may see is decided by the same code on every engine, and SQLite tells of every key. An
 * engine could only err in what it is asked for: two keys tell, one that owns as a platform, as a
 * group and as another's customer, and one that owns nothing. All of them: COUNTERFOIL_TEST_RUNS=2.
 */
const TWO: Asked = { asking: ["birch", "stranger"], customers: 2, combinationsMin: 900 };
const onServers = EFFORT > 1 ? WHOLE : TWO;

const ledger = "default";
const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-platforms-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

describePlatforms(
  "SQLite",
  async (clock) => ({
    stream: await openEventStream({ dataDir, ledger, hashing, clock }),
    catalogue: openModelCatalogue({ dataDir }),
  }),
  WHOLE,
);

describePostgres("platforms on servers", (use) => {
  describePlatforms(
    "PostgreSQL",
    async (clock) => {
      const url = await newDatabase(use().url);
      return {
        stream: await openPostgresStream({ url, ledger, hashing, clock }),
        catalogue: openPostgresModels({ url, ledger }),
      };
    },
    onServers,
  );

  const disposals: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const dispose of disposals) await dispose();
  });
  const open: OpenEngine = async (clock) => {
    const { openStream, catalogue, dispose } = await eventstoreEngine(use().url)(clock);
    disposals.push(dispose);
    return { stream: await openStream(), catalogue };
  };
  describePlatforms("EventStoreDB with PostgreSQL", open, onServers);
});
