import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { sampleEvent, sampleEvents, sampleId } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream as openPostgresStream } from "../postgres/event-stream.ts";
import { describePostgres } from "../postgres/testing/use-postgres.ts";
import { openEventStream } from "../sqlite/event-stream.ts";

const LEDGER = "examination";
const LOST = 3;
const EVENTS = 9;
const COMMON = { hashing: nodeHashing, clock: systemClock };

/** Compares ids and positions only: sample events have no fact data. */
async function findings(stream: EventStream, ledger: string) {
  const verified = await verifyStream({ stream, ledger, hashing: nodeHashing, bodies: false });
  return verified.findings
    .filter(({ what }) => what === "id")
    .map(({ position, detail }) => [position, detail]);
}

describe("SQLite's index of ids without one of its rows", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-index-"));
  });
  afterEach(() => rm(dataDir, { recursive: true }));
  const open = () => openEventStream({ ...COMMON, dataDir, ledger: LEDGER });

  /** Changes a row's id, and changes it back while the index is hidden from SQLite. */
  function loseRow(): void {
    const execute = (sql: string) => {
      const database = new DatabaseSync(join(dataDir, "stream.db"));
      database.enableDefensive(false);
      database.exec(sql);
      database.close();
    };
    execute(`
      UPDATE events SET id = 'x' || id WHERE position = ${LOST};
      PRAGMA writable_schema = ON;
      CREATE TABLE hidden AS SELECT * FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_1';
      DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_1';
      UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL UNIQUE', 'NOT NULL /*****/') WHERE name = 'events';`);
    execute(`UPDATE events SET id = substr(id, 2) WHERE position = ${LOST};`);
    execute(`
      PRAGMA writable_schema = ON;
      INSERT INTO sqlite_schema SELECT * FROM hidden;
      UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL /*****/', 'NOT NULL UNIQUE') WHERE name = 'events';
      PRAGMA writable_schema = OFF;`);
    execute("DROP TABLE hidden;");
  }

  test("is named by verify, before and after a repeat", async () => {
    const whole = await open();
    await whole.append(0, sampleEvents(1, EVENTS));
    expect(await findings(whole, LEDGER)).toEqual([]);
    await whole.close();
    loseRow();
    const stream = await open();
    const lost = expect.stringMatching(`${sampleId(LOST)} is not found by its id: .*REINDEX`);
    expect(await findings(stream, LEDGER)).toEqual([[LOST, lost]]);
    await stream.append(EVENTS, [sampleEvent(LOST)]);
    const twice = expect.stringContaining(`${sampleId(LOST)} is also at position ${EVENTS + 1}`);
    expect(await findings(stream, LEDGER)).toEqual([[LOST, twice]]);
    await stream.close();
  });
});

describePostgres("PostgreSQL's index of ids without one of its rows", (use) => {
  test("is named by verify", async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    const stream = await openPostgresStream({ ...COMMON, url, ledger });
    await stream.append(0, sampleEvents(1, EVENTS));
    expect(await findings(stream, ledger)).toEqual([]);
    const table = `counterfoil_${ledger}.events`;
    const isReady = (is: boolean) =>
      `UPDATE pg_index SET indisready = ${is} WHERE indexrelid = '${table}_id_key'::regclass`;
    await query(isReady(false));
    await query(`CREATE TABLE ${table}_lost AS SELECT * FROM ${table} WHERE position = ${LOST}`);
    await query(`DELETE FROM ${table} WHERE position = ${LOST}`);
    await query(`INSERT INTO ${table} SELECT * FROM ${table}_lost`);
    await query(isReady(true));
    const lost = expect.stringMatching(`${sampleId(LOST)} is not found by its id: .*REINDEX`);
    expect(await findings(stream, ledger)).toEqual([[LOST, lost]]);
    await stream.close();
  });
});
