import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { modelSchema } from "@counterfoil/adapters/postgres/server";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describePostgres, queryOnce } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { ACCOUNTS, ENTRIES } from "@counterfoil/processing/models/balances/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { type ServedModels, serveModels } from "@counterfoil/processing/queries/serving";
import { readStatus } from "@counterfoil/processing/queries/status";
import { describe, expect, test } from "@jest/globals";
import { postgresEngineIn } from "../engines/server-engines.ts";
import { ORDINARY, planOf } from "./arbitraries.ts";
import { hashing, LEDGER, openTestLedger, refold, runs, type TestLedger } from "./support.ts";

const { plan: PLAN } = planOf({ ...ORDINARY, seed: 11 });

const MODEL = "balances";
const INSTALLATION = { ledger: "x", environment: "test", engine: "sqlite" } as const;

const projectionOf = ({ projections }: TestLedger) => projections[MODEL];

const EXPECTED = { stuckAfterSeconds: 86_400, isPublishing: false, followsFeed: false };

const rebuild = (ledger: TestLedger) =>
  rebuildModel({ ...ledger, projection: projectionOf(ledger), hashing, build: "test" });

/** Every model's state, as an operator is shown it. */
async function states(ledger: TestLedger) {
  const models = serveModels(ledger);
  try {
    return await statesBy(models, ledger);
  } finally {
    await models.close();
  }
}

async function statesBy(models: ServedModels, ledger: TestLedger) {
  const sources = { ...ledger, models, expected: EXPECTED };
  const { projections } = await readStatus(sources, INSTALLATION);
  return Object.fromEntries(projections.map(({ name, state }) => [name, state]));
}

const ALL_LIVE = Object.fromEntries(MODEL_NAMES.map((model) => [model, "live"]));

/** The others are served meanwhile, verify names it, and a rebuild is live without being forced. */
async function expectRepaired(ledger: TestLedger): Promise<void> {
  const { [MODEL]: damaged, ...others } = await states(ledger);
  expect(["live", "unreadable"]).toContain(damaged);
  expect({ ...others, [MODEL]: "live" }).toEqual(ALL_LIVE);
  const before = await liveGeneration(ledger.stream, MODEL);
  const rebuilt = await rebuild(ledger);
  expect(rebuilt).toMatchObject({ outcome: "activated" });
  expect(rebuilt.generation).toBeGreaterThan(before.generation);
  await ledger.catchUp();
  expect(await states(ledger)).toEqual(ALL_LIVE);
  const { checkpoint } = await refold(ledger.stream, projectionOf(ledger));
  expect((await ledger.checkpoints())[MODEL]).toEqual(checkpoint);
}

async function filledLedger(options: Parameters<typeof openTestLedger>[0]): Promise<TestLedger> {
  const ledger = await openTestLedger({ ...options, live: false });
  await ledger.play(PLAN);
  await ledger.catchUp();
  await ledger.release();
  return ledger;
}

const PAGE = 4096;

const fileOf = ({ dataDir }: TestLedger, generation: number) =>
  join(dataDir, "models", `${MODEL}.${generation}.db`);

function damage(file: string, page: number): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, "?".repeat(PAGE), page * PAGE);
  closeSync(descriptor);
}

const verify = (ledger: TestLedger) =>
  verifyModel({ ...ledger, projection: projectionOf(ledger), hashing, refold: true });

const kinds = async (ledger: TestLedger) => (await verify(ledger)).findings.map(({ what }) => what);

describe("a damaged page of a model's file", () => {
  test("whichever: the others are served, and a rebuild needs no force", async () => {
    const ledger = await filledLedger({ engine: "sqlite" });
    const pages = statSync(fileOf(ledger, 1)).size / PAGE;
    const step = Math.max(1, Math.floor(pages / runs(8)));
    const shown: unknown[] = [];
    for (let page = 0; page < pages; page += step) {
      const { generation } = await liveGeneration(ledger.stream, MODEL);
      damage(fileOf(ledger, generation), page);
      shown.push((await states(ledger))[MODEL]);
      await expectRepaired(ledger);
      await ledger.release();
    }
    // The first holds the schema, without which nothing is read.
    expect(shown[0]).toBe("unreadable");
    await ledger.close();
  });

  test("its header: it keeps its number, nobody takes it for a new one, and verify names it", async () => {
    const ledger = await filledLedger({ engine: "sqlite" });
    damage(fileOf(ledger, 1), 0);
    const { catalogue } = ledger;
    const { tables, version: modelVersion } = projectionOf(ledger);
    expect(await catalogue.generations(MODEL)).toEqual([]);
    expect(await catalogue.create(MODEL, { tables, modelVersion, generation: 1 })).toBeNull();
    const file = new RegExp(`${MODEL}.1.db.*rebuild`);
    await expect(catalogue.openForWriting(MODEL, 1)).rejects.toThrow(file);
    expect(await kinds(ledger)).toEqual(["unreadable"]);
    expect((await rebuild(ledger)).generation).toBe(2);
    expect(await kinds(ledger)).toEqual([]);
    await ledger.close();
  });

  test("its rows, where the digests differ besides: there is nothing to compare with", async () => {
    const ledger = await filledLedger({ engine: "sqlite" });
    const file = fileOf(ledger, 1);
    const database = new DatabaseSync(file);
    database.exec(`UPDATE checkpoint SET digest = '${"0".repeat(64)}'; PRAGMA wal_checkpoint`);
    const schema = database.prepare("SELECT name, rootpage FROM sqlite_schema").all();
    database.close();
    expect((await rebuild(ledger)).outcome).toBe("refused");
    await ledger.catalogue.drop(MODEL, 2);
    const accounts = schema.find(({ name }) => name === ACCOUNTS.name);
    damage(file, Number(accounts?.rootpage) - 1);
    await expectRepaired(ledger);
    await ledger.close();
  });
});

describe("a model's checkpoint", () => {
  const altered = async (statement: string) => {
    const ledger = await filledLedger({ engine: "sqlite" });
    const database = new DatabaseSync(fileOf(ledger, 1));
    database.exec(statement);
    database.close();
    const verified = await verify(ledger);
    await ledger.close();
    return verified;
  };

  test("that is gone: verify says that nothing was compared", async () => {
    const { findings, notCompared } = await altered("DELETE FROM checkpoint");
    expect(findings).toEqual([]);
    expect(notCompared).toMatch(/^balances: .*rebuild/);
  });

  test("of rows that another program made: verify says so", async () => {
    const statement = "UPDATE checkpoint SET model_version = model_version + 1";
    const { refolded, notCompared } = await altered(statement);
    expect(refolded).toBeNull();
    expect(notCompared).toMatch(/^balances: its rows are of version \d+/);
  });

  test.each(["digest", "state_digest"])("whose %s was altered is found", async (column) => {
    const { findings } = await altered(`UPDATE checkpoint SET ${column} = '${"0".repeat(64)}'`);
    expect(findings).toMatchObject([{ what: "digest" }]);
  });
});

describePostgres("a model's table that is gone from PostgreSQL", (use) => {
  test("the others are served, verify names it, and a rebuild needs no force", async () => {
    const url = await newDatabase(use().url);
    const ledger = await filledLedger({ engine: postgresEngineIn(url) });
    await queryOnce(url, `DROP TABLE ${modelSchema(LEDGER, MODEL)}.${ACCOUNTS.name}_1`);
    const { catalogue } = ledger;
    const { tables, version: modelVersion } = projectionOf(ledger);
    expect(await catalogue.generations(MODEL)).toEqual([]);
    expect(await catalogue.create(MODEL, { tables, modelVersion, generation: 1 })).toBeNull();
    expect((await states(ledger))[MODEL]).toBe("unreadable");
    expect(await kinds(ledger)).toEqual(["unreadable"]);
    await expectRepaired(ledger);
    expect(await kinds(ledger)).toEqual([]);
    await ledger.close();
  });

  test("which nobody reads: a service that has the model open says so too", async () => {
    const url = await newDatabase(use().url);
    const ledger = await filledLedger({ engine: postgresEngineIn(url) });
    const models = serveModels(ledger);
    expect(await statesBy(models, ledger)).toEqual(ALL_LIVE);
    await queryOnce(url, `DROP TABLE ${modelSchema(LEDGER, MODEL)}.${ENTRIES.name}_1`);
    expect(await statesBy(models, ledger)).toEqual({ ...ALL_LIVE, [MODEL]: "unreadable" });
    await models.close();
    await ledger.close();
  });
});
