import { withoutAdded } from "@counterfoil/processing/generations/compare";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelStore, Table } from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceBody, take } from "./messages.ts";
import { allRows, hashing, type LedgerOptions, openTestLedger } from "./support.ts";

const AT = 1_746_000_000_000;
const present = PROJECTIONS.balances;
/** The model as an earlier program had it. */
const earlier: Projection = { ...present, version: present.version - 1 };

async function ledgerOfTwoAccounts(engine: TestEngine) {
  const projections = { ...PROJECTIONS, balances: earlier };
  const ledger = await openTestLedger({ engine, projections });
  await take(ledger, { body: balanceBody({ run: 1, change: "1", balance: "1", at: AT }) });
  const account = { asset: "ETH" };
  await take(ledger, { body: balanceBody({ run: 2, change: "2", balance: "2", at: AT, account }) });
  return ledger;
}

type TestEngine = NonNullable<LedgerOptions["engine"]>;
type World = Awaited<ReturnType<typeof ledgerOfTwoAccounts>>;

const upgrade = ({ stream, catalogue, clock }: World) =>
  rebuildModel({
    stream,
    catalogue,
    projection: present,
    hashing,
    clock,
    build: "test",
    cause: "upgrade",
  });

/** The balances up to the head, in memory. */
async function foldedNow({ stream }: World): Promise<ModelStore> {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: present.tables, modelVersion: 1 });
  const store = await catalogue.openForWriting("balances", 1);
  const run = await openProjectionRun({ stream, projection: present, store, hashing });
  await runTo(stream, run, (await stream.head()).position);
  return store;
}

/** Lays the live generation out with these tables, as of the head, with the rows of a store or none. */
async function layOut(
  { stream, catalogue }: World,
  tables: readonly Table[],
  from?: ModelStore,
): Promise<void> {
  await catalogue.create("balances", { tables, modelVersion: earlier.version, generation: 1 });
  const store = await catalogue.openForWriting("balances", 1);
  const { position, hash } = await stream.head();
  const before = await store.checkpoint();
  const checkpoint = { ...before, position, hash };
  const inserts = [];
  for (const table of tables) {
    if (from !== undefined) inserts.push({ table, rows: await allRows(from, table) });
  }
  await store.commit({ inserts, puts: [], deletes: [], checkpoint });
  await store.close();
}

/** A new version of a model is built beside the old one, compared with it and activated. */
export function defineModelVersions(engine: () => TestEngine): void {
  test("that says the same is activated, and no row differs", async () => {
    const ledger = await ledgerOfTwoAccounts(engine());
    await ledger.catchUp();
    const { position } = await ledger.stream.head();
    const { outcome, versions } = await upgrade(ledger);
    expect(outcome).toBe("activated");
    expect(versions).toMatchObject({ position, samples: [] });
    expect(new Set(Object.values(versions?.counts ?? {}))).toEqual(new Set([0]));
    expect(versions?.counts).toHaveProperty(ACCOUNTS.name);
    await ledger.close();
  });

  test("tells which rows it has otherwise, how many, and where both stood", async () => {
    const ledger = await ledgerOfTwoAccounts(engine());
    await ledger.catchUp();
    await ledger.release();
    const store = await ledger.catalogue.openForWriting("balances", 1);
    const row = await store.get(ACCOUNTS, [ACCOUNT_ID]);
    const checkpoint = await store.checkpoint();
    const puts = [{ table: ACCOUNTS, rows: [{ ...row, balance: "7" }] }];
    await store.commit({ inserts: [], puts, deletes: [], checkpoint });
    await store.close();
    // What came since is no difference of the versions.
    await take(ledger, { body: balanceBody({ run: 3, change: "1", balance: "2", at: AT + 1 }) });
    const { outcome, versions } = await upgrade(ledger);
    expect(outcome).toBe("activated");
    expect(versions?.position).toBe(checkpoint.position);
    expect(versions?.counts[ACCOUNTS.name]).toBe(1);
    expect(versions?.samples).toMatchObject([
      { table: ACCOUNTS.name, key: [ACCOUNT_ID], columns: ["balance"] },
    ]);
    await ledger.close();
  });

  test("leaves the old one served until then, where that lacks only columns of the fold", async () => {
    const tables = present.tables.map(withoutAdded);
    expect(tables).not.toEqual(present.tables);
    const ledger = await openTestLedger({ engine: engine(), live: false });
    await take(ledger, { body: balanceBody({ run: 1, change: "1", balance: "5", at: AT }) });
    await take(ledger, { body: balanceBody({ run: 3, change: "1", balance: "9", at: AT + 9 }) });
    await layOut(ledger, tables, await foldedNow(ledger));
    const models = serveModels(ledger);
    const rows = await models.snapshot("balances", async (rows) => [
      ...(await allRows(rows, ACCOUNTS)),
      ...(await allRows(rows, ANOMALIES)),
    ]);
    expect(rows).toMatchObject([{ balance: "9" }, { kind: "gap", recorded_at: null }]);
    const { versions } = await upgrade(ledger);
    expect(versions?.counts).toMatchObject({ [ACCOUNTS.name]: 0, [ANOMALIES.name]: 0 });
    await models.close();
    await ledger.close();
  });

  const { balance: _, ...columns } = ACCOUNTS.columns;
  test.each([
    ["has one column less", [{ ...ACCOUNTS, columns, indexes: [] }]],
    ["has one table less", []],
  ])("is activated also where the old one %s", async (_, accounts) => {
    const ledger = await ledgerOfTwoAccounts(engine());
    const others = present.tables.filter(({ name }) => name !== ACCOUNTS.name);
    const tables = [...accounts, ...others];
    await layOut(ledger, tables);
    const { outcome, versions } = await upgrade(ledger);
    expect(outcome).toBe("activated");
    // An engine without a schema compares what is there; one with a schema cannot ask for it.
    expect(Object.keys(versions?.counts ?? {}).length).toBeGreaterThan(3);
    expect(versions?.counts[ACCOUNTS.name]).toBe(
      engine() === "memory" && accounts.length > 0 ? 2 : null,
    );
    await ledger.close();
  });
}
