import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { ledgerSchema } from "./server.ts";
import { type CuttingProxy, startCuttingProxy } from "./testing/cutting-proxy.ts";
import { describePostgres } from "./testing/use-postgres.ts";

/** Occurs only in the bytes of the next append. */
const WORD = "the one that is cut";
const BODY = { sha256: "b".repeat(64), bytes: new Uint8Array([7]) };

describePostgres("an append whose connection is cut", (use) => {
  let proxy: CuttingProxy;
  let ledger = "";
  let behindProxy: EventStream;
  let beside: EventStream;

  beforeEach(async () => {
    const { url, newLedger } = use();
    ledger = newLedger();
    proxy = await startCuttingProxy(url);
    const options = { ledger, hashing: nodeHashing, clock: systemClock };
    behindProxy = await openEventStream({ url: proxy.url, ...options });
    beside = await openEventStream({ url, ...options });
    await behindProxy.append(0, sampleEvents(1, 3));
  });
  afterEach(async () => {
    await behindProxy.close();
    await beside.close();
    await proxy.dispose();
  });

  const cutEvents = () => sampleEvents(4, 6).map((event) => ({ ...event, correlation_id: WORD }));
  const expectStream = async (count: number) => {
    const events = await readAll(beside);
    expect(events).toHaveLength(count);
    expect(new Set(events.map(({ id }) => id)).size).toBe(count);
    expect(brokenAt(events, { ledger, hashing: nodeHashing })).toBeNull();
  };

  test.each(["unheard", "unanswered"] as const)("%s, is appended once", async (when) => {
    proxy.cut(when, WORD);
    const result = await behindProxy.append(3, cutEvents(), [BODY]);
    expect(result).toEqual({ outcome: "appended", head: await beside.head() });
    await expectStream(6);
    expect(await beside.body(BODY.sha256)).toEqual(BODY.bytes);
    expect(await behindProxy.append(6, sampleEvents(7, 8))).toMatchObject({ outcome: "appended" });
  });

  test("unanswered, and another is appended after it: it is found where it was", async () => {
    proxy.cut("unanswered", WORD, async () => {
      await beside.append(6, sampleEvents(11, 12));
    });
    const result = await behindProxy.append(3, cutEvents());
    expect(result).toMatchObject({ outcome: "appended", head: { position: 6 } });
    await expectStream(8);
  });

  test("unheard, and another is appended in its place: a conflict, and nothing of it is there", async () => {
    proxy.cut("unheard", WORD, async () => {
      await beside.append(3, sampleEvents(11, 15));
    });
    expect(await behindProxy.append(3, cutEvents(), [BODY])).toEqual({ outcome: "conflict" });
    await expectStream(8);
    expect(await beside.body(BODY.sha256)).toBeNull();
  });

  test("unanswered, and the server stays away: nobody says what became of it, and a look-up finds it", async () => {
    proxy.cut("unanswered", WORD);
    proxy.closeAfterCut();
    await expect(behindProxy.append(3, cutEvents())).rejects.toThrow(StreamUnavailable);
    proxy.open();
    const { head, known } = await behindProxy.findByIds(cutEvents().map(({ id }) => id));
    expect([head.position, known.size]).toEqual([6, 3]);
    await expectStream(6);
  });
});

describePostgres("an append of nothing", (use) => {
  test("fails where an append would, and leaves nothing behind", async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    const role = `writer_${ledger}`;
    await query(`CREATE ROLE ${role} LOGIN`);
    const own = new URL(url);
    const database = own.pathname.slice(1);
    await query(`GRANT CREATE ON DATABASE "${database}" TO ${role}`);
    own.username = role;
    const stream = await openEventStream({
      ...{ url: own.href, ledger, hashing: nodeHashing, clock: systemClock },
    });
    await stream.append(0, sampleEvents(1, 3), [BODY]);
    const tryToAppend = () => stream.append(3, [], [], new Set());
    const [before] = await query("SELECT pg_current_wal_insert_lsn() AS lsn");
    expect(await tryToAppend()).toMatchObject({ outcome: "appended" });
    // Only what is really written meets a full disk.
    const written = `SELECT pg_current_wal_insert_lsn() - '${before?.lsn}'::pg_lsn AS bytes`;
    expect(Number((await query(written))[0]?.bytes)).toBeGreaterThan(16 * 1024);
    const reader = await openEventStream({
      ...{ url: own.href, ledger, hashing: nodeHashing, clock: systemClock, readOnly: true },
    });
    expect(await reader.append(3, [])).toMatchObject({ outcome: "appended" });
    for (const table of ["events", "bodies"]) {
      await query(`REVOKE INSERT ON ${ledgerSchema(ledger)}.${table} FROM ${role}`);
      await expect(tryToAppend()).rejects.toThrow(/permission denied.*give its user the right/);
      await expect(tryToAppend()).rejects.toThrow(StreamUnavailable);
      await expect(reader.append(3, [])).rejects.toThrow(/permission denied/);
      await query(`GRANT INSERT ON ${ledgerSchema(ledger)}.${table} TO ${role}`);
    }
    expect(await tryToAppend()).toMatchObject({ outcome: "appended" });
    expect(await stream.append(3, sampleEvents(4, 5))).toMatchObject({ outcome: "appended" });
    const bodies = await query(`SELECT sha256 FROM ${ledgerSchema(ledger)}.bodies`);
    expect(bodies).toEqual([{ sha256: BODY.sha256 }]);
    await reader.close();
    await stream.close();
  });
});

describePostgres("an append over a role whose settings change what is sent", (use) => {
  const SETTINGS = [
    "array_nulls = off",
    "transform_null_equals = on",
    "standard_conforming_strings = off",
    "search_path = shadow, pg_catalog",
  ];

  test("is stored and read as over any other", async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    const role = `owner_${ledger}`;
    await query(`
      CREATE ROLE ${role} SUPERUSER LOGIN;
      CREATE SCHEMA IF NOT EXISTS shadow;
      CREATE OR REPLACE FUNCTION shadow.octet_length(text) RETURNS integer AS 'SELECT 1 / 0' LANGUAGE sql`);
    for (const setting of SETTINGS) await query(`ALTER ROLE ${role} SET ${setting}`);
    const own = new URL(url);
    own.username = role;
    const stream = await openEventStream({
      ...{ url: own.href, ledger, hashing: nodeHashing, clock: systemClock },
    });
    const [first, second] = sampleEvents(1, 2);
    const events = [{ ...first, occurred_at: null }, second] as readonly NewEvent[];
    expect(await stream.append(0, events, [BODY])).toMatchObject({ outcome: "appended" });
    const stored = await readAll(stream);
    expect(stored).toMatchObject(events.map(({ about, ...event }) => event));
    expect(brokenAt(stored, { ledger, hashing: nodeHashing })).toBeNull();
    await stream.close();
  });
});

describePostgres("an append that PostgreSQL refuses for a reason of its own", (use) => {
  let stream: EventStream;
  let refuse: (when: string) => Promise<unknown>;

  beforeEach(async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    const schema = ledgerSchema(ledger);
    stream = await openEventStream({ url, ledger, hashing: nodeHashing, clock: systemClock });
    await query(`
      CREATE FUNCTION ${schema}.refuse() RETURNS trigger AS
        $$ BEGIN RAISE EXCEPTION 'not on a Monday' USING ERRCODE = '22P02'; END $$ LANGUAGE plpgsql`);
    refuse = (when) =>
      query(`
        CREATE TRIGGER refuse BEFORE INSERT ON ${schema}.events
        FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${schema}.refuse()`);
  });
  afterEach(() => stream.close());

  test("is refused by the stream if it is so for every event", async () => {
    await refuse("true");
    const error: Error = await stream.append(0, sampleEvents(1, 2)).then(
      () => new Error("it was appended"),
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(StreamUnavailable);
    expect(error.message).toMatch(/not on a Monday: .*the server's log/);
    expect(error.cause).toMatchObject({ message: "not on a Monday", code: "22P02" });
    await expect(stream.append(0, [], [], new Set())).rejects.toThrow(StreamUnavailable);
  });

  test("is the fault of its events if others would be appended", async () => {
    await refuse("NEW.data LIKE '%poison%'");
    const poison = sampleEvents(1, 1).map((event) => ({ ...event, data: '{"a":"poison"}' }));
    const refused = stream.append(0, poison);
    await expect(refused).rejects.toThrow("not on a Monday");
    await expect(refused).rejects.not.toThrow(StreamUnavailable);
    expect(await stream.append(0, [], [], new Set())).toMatchObject({ outcome: "appended" });
    expect(await stream.append(0, sampleEvents(2, 3))).toMatchObject({ outcome: "appended" });
    expect((await readAll(stream)).map(({ position }) => position)).toEqual([1, 2]);
  });
});

describePostgres("an append to tables that somebody else has locked", (use) => {
  test("is given up before a statement is, with nothing written, and goes on afterwards", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    const schema = ledgerSchema(ledger);
    const stream = await openEventStream({ url, ledger, hashing: nodeHashing, clock: systemClock });
    const other = new pg.Client(url);
    await other.connect();
    for (const table of ["bodies", "events"]) {
      const { position } = await stream.head();
      await other.query(`BEGIN; LOCK TABLE ${schema}.${table} IN SHARE MODE`);
      const refused = stream.append(position, sampleEvents(position + 1, position + 1), [BODY]);
      await expect(refused).rejects.toThrow(/lock timeout/);
      await expect(refused).rejects.toThrow(StreamUnavailable);
      await other.query("ROLLBACK");
      const appended = await stream.append(position, sampleEvents(position + 1, position + 1), [
        BODY,
      ]);
      expect(appended).toMatchObject({ outcome: "appended", head: { position: position + 1 } });
    }
    await other.end();
    await stream.close();
  });
});

describePostgres("a read that PostgreSQL refuses for a reason of its own", (use) => {
  test("is refused by the stream, with the server's words", async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    const schema = ledgerSchema(ledger);
    const stream = await openEventStream({ url, ledger, hashing: nodeHashing, clock: systemClock });
    await stream.append(0, sampleEvents(1, 2), [BODY]);
    await query(`
      ALTER TABLE ${schema}.events RENAME TO events_behind;
      CREATE FUNCTION ${schema}.refuse() RETURNS boolean AS
        $$ BEGIN RAISE EXCEPTION 'not on a Monday' USING ERRCODE = '22P02'; END $$ LANGUAGE plpgsql;
      CREATE VIEW ${schema}.events AS SELECT * FROM ${schema}.events_behind WHERE ${schema}.refuse()`);
    const reading = stream.read({ after: 0, limit: 10 });
    await expect(reading).rejects.toThrow(StreamUnavailable);
    await expect(reading).rejects.toThrow(/not on a Monday: .*the server's log/);
    await stream.close();
  });
});
