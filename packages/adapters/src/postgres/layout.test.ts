import {
  FormatTooNew,
  LedgerMismatch,
  ModelUnavailable,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { TABLES } from "@counterfoil/processing/testing/sample-tables";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { ledgerSchema, modelSchema } from "./server.ts";
import { describeOwnPostgres, fixtureOf } from "./testing/use-postgres.ts";

const LAYOUT = { tables: TABLES, modelVersion: 1 };

describeOwnPostgres("laying out a ledger on PostgreSQL", (use) => {
  let ledger = "";
  beforeEach(() => {
    ledger = fixtureOf(use().url).newLedger();
  });

  const openAs = (user: string, options: { ledger?: string; readOnly?: boolean } = {}) =>
    openEventStream({
      url: use().url.replace("postgres@", `${user}@`),
      ledger,
      hashing: nodeHashing,
      clock: systemClock,
      ...options,
    });
  const query = (sql: string) => fixtureOf(use().url).query(sql);

  test("ten processes that start at once find one stream", async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => openAs("postgres")));
    const appends = await Promise.all(
      streams.map((stream) => stream.append(0, sampleEvents(1, 2))),
    );
    expect(appends.filter(({ outcome }) => outcome === "appended")).toHaveLength(1);
    for (const stream of streams) {
      expect((await stream.head()).position).toBe(2);
      await stream.close();
    }
  });

  test("a reader creates nothing, and neither does a catalogue that is only asked", async () => {
    await expect(openAs("postgres", { readOnly: true })).rejects.toThrow(StreamMissing);
    const catalogue = openModelCatalogue({ url: use().url, ledger });
    expect(await catalogue.generations("balances")).toEqual([]);
    await catalogue.drop("balances", 1);
    await catalogue.close();
    expect(await query(schemasOf(ledger))).toEqual([]);
  });

  test("the catalogue alone, beside a stream elsewhere, is no stream", async () => {
    const catalogue = openModelCatalogue({ url: use().url, ledger });
    expect(await catalogue.create("balances", LAYOUT)).toBe(1);
    await catalogue.close();
    await expect(openAs("postgres", { readOnly: true })).rejects.toThrow(StreamMissing);
    await (await openAs("postgres")).close();
    await (await openAs("postgres", { readOnly: true })).close();
  });

  test("what a newer program laid out is left alone", async () => {
    await (await openAs("postgres")).close();
    const schema = ledgerSchema(ledger);
    await query(`UPDATE ${schema}.meta SET value = '2' WHERE key = 'stream_format'`);
    for (const readOnly of [false, true]) {
      await expect(openAs("postgres", { readOnly })).rejects.toThrow(FormatTooNew);
      await expect(openAs("postgres", { readOnly })).rejects.toThrow("run the newer program");
    }
  });

  test("a schema that belongs to another ledger is refused by both names", async () => {
    await (await openAs("postgres")).close();
    await query(`ALTER SCHEMA ${ledgerSchema(ledger)} RENAME TO "counterfoil_other-${ledger}"`);
    const other = openAs("postgres", { ledger: `other-${ledger}` });
    await expect(other).rejects.toThrow(LedgerMismatch);
    await expect(other).rejects.toThrow(
      `belongs to ledger "${ledger}", expected "other-${ledger}"`,
    );
  });

  describe("a role that may not create schemas", () => {
    const ROLE = "restricted";
    beforeEach(async () => {
      const [found] = await query(`SELECT 1 FROM pg_roles WHERE rolname = '${ROLE}'`);
      if (!found) await query(`CREATE ROLE ${ROLE} LOGIN`);
    });

    test("is told which right it needs, for the stream and for the models", async () => {
      const stream = openAs(ROLE);
      await expect(stream).rejects.toThrow(StreamUnavailable);
      await expect(stream).rejects.toThrow('GRANT CREATE ON DATABASE "postgres" TO "restricted"');
      const url = use().url.replace("postgres@", `${ROLE}@`);
      const catalogue = openModelCatalogue({ url, ledger });
      const create = catalogue.create("balances", LAYOUT);
      await expect(create).rejects.toThrow(ModelUnavailable);
      await expect(create).rejects.toThrow("GRANT CREATE ON DATABASE");
      await catalogue.close();
    });

    test("goes on where somebody has made the schemas for it", async () => {
      for (const schema of [ledgerSchema(ledger), modelSchema(ledger, "balances")]) {
        await query(`CREATE SCHEMA ${schema}`);
        await query(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${ROLE}`);
      }
      const stream = await openAs(ROLE);
      expect(await stream.append(0, sampleEvents(1, 2))).toMatchObject({ outcome: "appended" });
      await stream.close();
      const url = use().url.replace("postgres@", `${ROLE}@`);
      const catalogue = openModelCatalogue({ url, ledger });
      expect(await catalogue.create("balances", LAYOUT)).toBe(1);
      await catalogue.close();
    });

    test("that may not even read is told so", async () => {
      await (await openAs("postgres")).close();
      const stream = openAs(ROLE, { readOnly: true });
      await expect(stream).rejects.toThrow(/permission denied.*give its user the right/);
    });
  });
});

describe("names in SQL", () => {
  const LEDGERS = ["default", "other", "balances", `a${"-".repeat(38)}b`, `a${"-".repeat(38)}c`];
  const MODELS = ["balances", "withdrawals", "deposits", "trades", "publisher"] as const;

  test("are short enough, and each is its own", () => {
    const schemas = LEDGERS.flatMap((ledger) => [
      ledgerSchema(ledger),
      ...MODELS.map((model) => modelSchema(ledger, model)),
    ]);
    expect(new Set(schemas).size).toBe(schemas.length);
    expect(Math.max(...schemas.map((schema) => schema.length))).toBe(63);
    expect(schemas).toContain("counterfoil__balances");
    expect(schemas).toContain("counterfoil_other__trades");
  });
});

const schemasOf = (ledger: string) =>
  `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'counterfoil_${ledger}%'`;
