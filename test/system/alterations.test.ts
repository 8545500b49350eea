import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { KnownEvent } from "@counterfoil/processing/ports/event-stream";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { planOf } from "./arbitraries.ts";
import { type Engine, hashing, LEDGER, openTestLedger, runs, type TestLedger } from "./support.ts";

const { plan: PLAN } = planOf({
  seed: 5,
  participants: 2,
  flows: 6,
  meanGapMs: 400,
  burstRate: 0.3,
  receiverSkewMs: 700,
  feeds: 1,
  reconnectRate: 0.05,
  snapshotRaceMs: 400,
  webhookRepeatRate: 0.2,
  webhookLossRate: 0,
});

async function filledLedger(engine: Engine): Promise<TestLedger> {
  const ledger = await openTestLedger({ engine, live: false });
  await ledger.play(PLAN);
  return ledger;
}

async function findings({ stream }: TestLedger) {
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  return verified.findings.map(({ position, what }) => ({ position, what }));
}

const otherDigit = (hex: string, at: number): string => {
  const digit = hex[at] === "a" ? "b" : "a";
  return hex.slice(0, at) + digit + hex.slice(at + 1);
};

/** One character of a text is another one. */
function altered(text: string, random: Random): string {
  const at = random.below(text.length);
  const other = text[at] === "x" ? "y" : "x";
  return text.slice(0, at) + other + text.slice(at + 1);
}

type Alter = (event: RecordedEvent, random: Random) => Partial<RecordedEvent>;

const ALTERATIONS: Readonly<Record<string, Alter>> = {
  data: ({ data }, random) => ({ data: altered(data, random) }),
  id: ({ id }, random) => ({ id: altered(id, random) }),
  hash: ({ hash }, random) => ({ hash: otherDigit(hash, random.below(64)) }),
  type: ({ type }) => ({ type: type === "RunRecorded" ? "FeedClosed" : "RunRecorded" }),
  schema_version: () => ({ schema_version: 2 }),
  subject: ({ subject }, random) => ({ subject: altered(subject, random) }),
  occurred_at: ({ occurred_at }) => ({ occurred_at: (occurred_at ?? 0n) + 1n }),
  "occurred_at gone": ({ occurred_at }) => ({ occurred_at: occurred_at === null ? 7n : null }),
  recorded_at: ({ recorded_at }) => ({ recorded_at: recorded_at + 1n }),
  causation_id: ({ causation_id }) => ({ causation_id: causation_id === null ? "x" : null }),
  correlation_id: ({ correlation_id }) => ({
    correlation_id: correlation_id === null ? "x" : null,
  }),
};

describe("one altered event in memory", () => {
  test.each(Object.entries(ALTERATIONS))("%s: verify names its position", async (name, alter) => {
    const ledger = await filledLedger("memory");
    const random = createRandom(name);
    const { events } = ledger.storage;
    expect(await findings(ledger)).toEqual([]);
    for (let run = 0; run < runs(15); run += 1) {
      const at = run === 0 ? 0 : run === 1 ? events.length - 1 : random.below(events.length);
      const event = events[at] as RecordedEvent;
      events[at] = { ...event, ...alter(event, random) };
      expect((await findings(ledger))[0]).toEqual({ position: at + 1, what: "hash" });
      events[at] = event;
    }
    expect(await findings(ledger)).toEqual([]);
    await ledger.close();
  });

  test("swapped, removed, doubled: the first place that is wrong", async () => {
    const ledger = await filledLedger("memory");
    const { events } = ledger.storage;
    const whole = [...events];
    const restore = () => events.splice(0, events.length, ...whole);
    const random = createRandom("places");
    for (let run = 0; run < runs(10); run += 1) {
      const at = random.below(events.length - 2);
      [events[at], events[at + 1]] = [events[at + 1] as RecordedEvent, events[at] as RecordedEvent];
      expect(await findings(ledger)).toEqual([{ position: at + 1, what: "position" }]);
      restore();
      events.splice(at, 1);
      expect(await findings(ledger)).toEqual([{ position: at + 1, what: "position" }]);
      restore();
      events.splice(at + 1, 0, events[at] as RecordedEvent);
      expect(await findings(ledger)).toEqual([{ position: at + 2, what: "position" }]);
      restore();
      // Another event in its place, renumbered: only the chain knows.
      events[at + 1] = { ...(events[at] as RecordedEvent), position: at + 2 };
      expect(await findings(ledger)).toEqual([{ position: at + 2, what: "hash" }]);
      restore();
    }
    await ledger.close();
  });

  test("a body, or what an amendment is filed under", async () => {
    const ledger = await filledLedger("memory");
    const { bodies, known, events } = ledger.storage;
    const received = events.filter(({ type }) => type === "DeliveryReceived");
    const delivery = received[Math.floor(received.length / 2)] as RecordedEvent;
    const { sha256 } = JSON.parse(delivery.data);
    const body = bodies.get(sha256) as Uint8Array;
    bodies.set(sha256, Buffer.from(altered(Buffer.from(body).toString(), createRandom("body"))));
    expect(await findings(ledger)).toContainEqual({
      position: delivery.position,
      what: "body_digest",
    });
    bodies.delete(sha256);
    expect(await findings(ledger)).toContainEqual({
      position: delivery.position,
      what: "body_missing",
    });
    bodies.set(sha256, body);
    const amended = [...known.values()].find(({ amendments }) => amendments.length > 0);
    const { event, amendments } = amended as KnownEvent & { amendments: RecordedEvent[] };
    const [first] = amendments.splice(0, 1);
    expect(await findings(ledger)).toEqual([{ position: first?.position, what: "amendment" }]);
    amendments.unshift(first as RecordedEvent);
    // Filed under a fact that it is not about, too: ingest would count it there.
    const other = [...known.values()].find((each) => each.event.id !== event.id);
    other?.amendments.push(first as RecordedEvent);
    expect(await findings(ledger)).toEqual([{ position: first?.position, what: "amendment" }]);
    other?.amendments.pop();
    expect([event.id, await findings(ledger)]).toEqual([event.id, []]);
    await ledger.close();
  });
});

describe("one altered byte in the SQLite file", () => {
  const SQL: Readonly<Record<string, string>> = {
    data: "UPDATE events SET data = replace(data, '\"', ' \"') WHERE position = ?",
    id: "UPDATE events SET id = 'x' || substr(id, 2) WHERE position = ?",
    hash: "UPDATE events SET hash = substr(hash, 2) || 'f' WHERE position = ?",
    type: "UPDATE events SET type = type || 'x' WHERE position = ?",
    schema_version: "UPDATE events SET schema_version = 3 WHERE position = ?",
    subject: "UPDATE events SET subject = subject || ' ' WHERE position = ?",
    occurred_at: "UPDATE events SET occurred_at = ifnull(occurred_at, 0) + 1 WHERE position = ?",
    recorded_at: "UPDATE events SET recorded_at = recorded_at - 1 WHERE position = ?",
    causation_id:
      "UPDATE events SET causation_id = ifnull(causation_id, '') || 'x' WHERE position = ?",
    correlation_id: "UPDATE events SET correlation_id = 'x' WHERE position = ?",
    about: "UPDATE events SET about = 'x' WHERE about IS NOT NULL AND position >= ?",
    removed: "DELETE FROM events WHERE position = ?",
    "recorded_at, a text": "UPDATE events SET recorded_at = 'abc' WHERE position = ?",
    "recorded_at, nothing": "UPDATE events SET recorded_at = '' WHERE position = ?",
    "recorded_at, a fraction": "UPDATE events SET recorded_at = 1.5 WHERE position = ?",
    "occurred_at, bytes": "UPDATE events SET occurred_at = x'00' WHERE position = ?",
    "schema_version, a text": "UPDATE events SET schema_version = 'x' WHERE position = ?",
    "data, bytes": "UPDATE events SET data = CAST(data || ' ' AS BLOB) WHERE position = ?",
    "data, a number": "UPDATE events SET data = 1 WHERE position = ?",
    "hash, bytes": "UPDATE events SET hash = CAST(hash AS BLOB) WHERE position = ?",
    "id, bytes": "UPDATE events SET id = CAST(id AS BLOB) WHERE position = ?",
    "type, bytes": "UPDATE events SET type = CAST(type AS BLOB) WHERE position = ?",
    "subject, bytes": "UPDATE events SET subject = CAST(subject AS BLOB) WHERE position = ?",
  };
  test.each(Object.entries(SQL))("%s: verify names its position", async (name, sql) => {
    const ledger = await filledLedger("sqlite");
    const random = createRandom(name);
    const end = (await ledger.stream.head()).position;
    const amended = (await ledger.events(["FactSeen"])).at(0)?.position ?? 1;
    const position = name === "about" ? amended : 1 + random.below(end - 1);
    alterFile(ledger, sql, position);
    const found = await findings(ledger);
    expect(found[0]?.position).toBe(position);
    await ledger.close();
  });

  test("planted before the first position: found, and nothing is taken for known because of it", async () => {
    const ledger = await filledLedger("sqlite");
    const columns = "id, type, schema_version, subject, recorded_at, hash, data";
    const planted = `INSERT INTO events (position, ${columns}) SELECT -?, 'planted', ${columns.slice(4)} FROM events WHERE position = 2`;
    alterFile(ledger, planted, 3);
    expect(await findings(ledger)).toEqual([{ position: -3, what: "position" }]);
    await expect(ledger.stream.findByIds(["planted"])).rejects.toThrow(
      /position -3.*counterfoil verify/,
    );
    await ledger.close();
  });

  test("the end cut off: the models' checkpoints tell", async () => {
    const ledger = await filledLedger("sqlite");
    await ledger.catchUp();
    await ledger.release();
    const end = (await ledger.stream.head()).position;
    alterFile(ledger, "DELETE FROM events WHERE position >= ?", end);
    const { stream, catalogue, projections } = ledger;
    for (const model of MODEL_NAMES) {
      const projection = projections[model];
      const options = { stream, catalogue, projection, hashing, refold: true };
      const verified = await verifyModel(options);
      expect(verified?.findings.map(({ what }) => what)).toEqual(["checkpoint"]);
    }
    await ledger.close();
  });
});

function alterFile({ dataDir }: TestLedger, sql: string, position: number): void {
  const database = new DatabaseSync(join(dataDir, "stream.db"));
  database.prepare(sql).run(position);
  database.close();
}

describe("one altered row of a model", () => {
  test.each<Engine>(["memory", "sqlite"])("is found by folding again, on %s", async (engine) => {
    const ledger = await filledLedger(engine);
    await ledger.catchUp();
    await ledger.release();
    const { stream, catalogue, projections } = ledger;
    const projection = projections.balances;
    const options = { stream, catalogue, projection, hashing, refold: true };
    expect((await verifyModel(options))?.findings).toEqual([]);
    const store = await catalogue.openForWriting("balances", 1);
    const [row] = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 1 });
    const rows = [{ ...row, balance: "1000000" }];
    const checkpoint = await store.checkpoint();
    await store.commit({ inserts: [], puts: [{ table: ACCOUNTS, rows }], deletes: [], checkpoint });
    await store.close();
    expect((await verifyModel(options))?.findings.map(({ what }) => what)).toEqual(["digest"]);
    await ledger.close();
  });

  test.each(MODEL_NAMES)("is found in whatever table of %s it is", async (model) => {
    const ledger = await filledLedger("memory");
    await ledger.catchUp();
    await ledger.release();
    const { stream, catalogue, projections } = ledger;
    const projection = projections[model];
    const options = { stream, catalogue, projection, hashing, refold: true };
    const findings = async () => (await verifyModel(options))?.findings.map(({ what }) => what);
    const store = await catalogue.openForWriting(model, 1);
    const checkpoint = await store.checkpoint();
    for (const table of projection.tables) {
      const [row] = await store.select(table, { orderBy: table.key, limit: 1 });
      if (row === undefined) continue;
      const key = table.key.map((column) => row[column] ?? null);
      const kind = table.digested === "none" ? "row" : "digest";
      const [change] = Object.keys(table.columns).filter((column) => !table.key.includes(column));
      const altered = change === undefined ? [] : [{ ...row, [change]: "altered" }];
      await store.commit({
        inserts: [],
        puts: [{ table, rows: altered }],
        deletes: [],
        checkpoint,
      });
      if (change !== undefined)
        expect([table.name, await findings()]).toEqual([table.name, [kind]]);
      await store.commit({ inserts: [], puts: [], deletes: [{ table, keys: [key] }], checkpoint });
      expect([table.name, await findings()]).toEqual([table.name, [kind]]);
      await store.commit({ inserts: [], puts: [{ table, rows: [row] }], deletes: [], checkpoint });
    }
    expect(await findings()).toEqual([]);
    await store.close();
    await ledger.close();
  });
});
