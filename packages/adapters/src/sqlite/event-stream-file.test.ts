import { copyFileSync, readFileSync } from "node:fs";
import { mkdtemp, open as openFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  EventIdTaken,
  FormatTooNew,
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  brokenAt,
  positionsOf,
  readAll,
} from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvent, sampleEvents, sampleId } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { type EventStreamOptions, openEventStream } from "./event-stream.ts";
import { checkStreamFile } from "./stream-file.ts";

describe("the stream's file", () => {
  let dataDir = "";
  let file = "";
  let opened: EventStream[] = [];
  let logged: unknown[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-file-"));
    file = join(dataDir, "stream.db");
    logged = [];
  });
  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
    await rm(dataDir, { recursive: true });
  });

  const open = async (given: Partial<EventStreamOptions> = {}) => {
    const stream = await openEventStream({
      dataDir,
      ledger: "examination",
      hashing: nodeHashing,
      clock: systemClock,
      logger: { info: (...line) => void logged.push(line) },
      ...given,
    });
    opened.push(stream);
    return stream;
  };
  /** Writes to the file beside the stream, as another program would. */
  const query = (sql: string) => {
    const database = new DatabaseSync(file);
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  /** Leaves a stream of three events with nothing open, so that the file can be tampered with. */
  const leaveThree = async () => {
    const stream = await open();
    await stream.append(0, sampleEvents(1, 3));
    await stream.close();
  };

  test("gives the bytes of a body that somebody stored as text", async () => {
    const stream = await open();
    const bytes = Buffer.from("{}");
    const sha256 = nodeHashing.sha256(bytes);
    await stream.append(0, sampleEvents(1, 1), [{ sha256, bytes }]);
    query("UPDATE bodies SET bytes = CAST(bytes AS TEXT)");
    expect(await stream.body(sha256)).toEqual(new Uint8Array(bytes));
  });

  describe("read-only", () => {
    test("finds no stream where a writer was killed while it created the file", async () => {
      const half = join(dataDir, "half.db");
      const writer = new DatabaseSync(half);
      writer.exec("PRAGMA cache_size = 1; BEGIN; CREATE TABLE bodies (bytes BLOB)");
      const insert = writer.prepare("INSERT INTO bodies VALUES (zeroblob(9000))");
      for (let row = 0; row < 20; row += 1) insert.run();
      for (const end of ["", "-journal"]) copyFileSync(`${half}${end}`, `${file}${end}`);
      writer.close();
      await expect(open({ readOnly: true })).rejects.toThrow(StreamMissing);
      const stream = await open();
      expect((await stream.append(0, sampleEvents(1, 3))).outcome).toBe("appended");
    });

    test("is missing until an ingestor has laid it out", async () => {
      await expect(open({ readOnly: true })).rejects.toThrow(StreamMissing);
      await writeFile(file, "");
      await expect(open({ readOnly: true })).rejects.toThrow(StreamMissing);
      await open();
      expect((await (await open({ readOnly: true })).head()).position).toBe(0);
    });

    test("follows the writer, and appends nothing", async () => {
      const writer = await open();
      const reader = await open({ readOnly: true });
      await writer.append(0, [sampleEvent(1)]);
      expect(await readAll(reader)).toEqual(await readAll(writer));
      await expect(reader.append(1, [sampleEvent(2)])).rejects.toThrow("read-only");
    });

    test("tries whether a writer could append", async () => {
      await leaveThree();
      const reader = await open({ readOnly: true });
      expect(await reader.append(3, [], [])).toMatchObject({ outcome: "appended" });
      query("ALTER TABLE events RENAME COLUMN id TO other");
      await expect(reader.append(3, [], [])).rejects.toThrow(StreamCorrupted);
    });
  });

  describe("is refused", () => {
    test("when it belongs to another ledger, by writers and readers", async () => {
      await leaveThree();
      for (const readOnly of [false, true]) {
        const other = open({ ledger: "other", readOnly });
        await expect(other).rejects.toThrow(LedgerMismatch);
        await expect(other).rejects.toThrow('ledger "examination", expected "other"');
      }
    });

    test("when a newer program laid it out, by writers and readers", async () => {
      await leaveThree();
      const database = new DatabaseSync(file);
      database.exec("PRAGMA user_version = 7");
      database.close();
      for (const readOnly of [false, true]) {
        const newer = open({ readOnly });
        await expect(newer).rejects.toThrow(FormatTooNew);
        await expect(newer).rejects.toThrow("format 7");
      }
    });

    test("when its header is damaged", async () => {
      await leaveThree();
      await overwrite(file, 0, "this was an event stream");
      await expect(open()).rejects.toThrow(StreamCorrupted);
      await expect(open({ readOnly: true })).rejects.toThrow(StreamCorrupted);
    });

    test("when its pages are damaged, by whatever meets the damage", async () => {
      const stream = await open();
      await stream.append(0, sampleEvents(1, 2000));
      await stream.close();
      await overwrite(file, 40 * 4096, "?".repeat(100 * 4096));
      const damaged = await open();
      await expect(readAll(damaged)).rejects.toThrow(StreamCorrupted);
    });

    test("when its folder cannot be made", async () => {
      await writeFile(join(dataDir, "occupied"), "");
      const blocked = open({ dataDir: join(dataDir, "occupied", "data") });
      await expect(blocked).rejects.toThrow(StreamUnavailable);
    });
  });

  describe("of an older format", () => {
    const BODIES = [1, 2, 3].map((byte) => {
      const bytes = Uint8Array.of(byte);
      return { sha256: nodeHashing.sha256(bytes), bytes };
    });
    const FORMATS = [
      { format: 1, events: 40, bodies: BODIES.slice(0, 2) },
      { format: 2, events: 50, bodies: BODIES },
    ];

    test.each(FORMATS)("$format is migrated, and holds what it held", async (frozen) => {
      const { format, events, bodies } = frozen;
      copyFileSync(frozenFile(format), file);
      const early = open({ readOnly: true });
      await expect(early).rejects.toThrow(StreamMissing);
      await expect(early).rejects.toThrow(`has format ${format}`);
      const stream = await open();
      expect(logged).toEqual([
        [
          { file, from: format, to: 3, ms: expect.any(Number) },
          "migrated the event stream to the present format",
        ],
      ]);

      const all = await readAll(stream);
      const ids = Array.from({ length: events }, (_, at) => sampleId(at + 1));
      expect(all.map(({ id }) => id)).toEqual(ids);
      expect(brokenAt(all, { ledger: "examination", hashing: nodeHashing })).toBeNull();
      const { known } = await stream.findByIds([...ids, sampleId(99)]);
      expect(known.size).toBe(events);
      expect(known.get(sampleId(7))).toEqual({ event: all[6], amendments: [all[38]] });
      expect(await stream.read({ after: 0, limit: 9, types: ["ModelActivated"] })).toEqual([
        all[39],
      ]);
      for (const { sha256, bytes } of bodies) expect(await stream.body(sha256)).toEqual(bytes);

      await expect(stream.append(events, [sampleEvent(7)])).rejects.toThrow(EventIdTaken);
      await stream.append(events, [sampleEvent(events + 1)], BODIES);
      expect(query("SELECT count(*) AS n FROM bodies")).toEqual([{ n: 3 }]);
      const reader = await open({ readOnly: true });
      expect((await reader.findByIds([sampleId(events + 1)])).known.size).toBe(1);
      expect(checkStreamFile(file)).toEqual([]);
    });

    test.each(FORMATS)("$format is migrated once, by whoever is first", async ({ format }) => {
      copyFileSync(frozenFile(format), file);
      await Promise.all([open(), open(), open()]);
      expect(logged).toHaveLength(1);
      expect(() =>
        query(
          "UPDATE events SET id = (SELECT id FROM events WHERE position = 2) WHERE position = 1",
        ),
      ).toThrow("UNIQUE constraint failed: events.id");
    });

    test("2 that cannot be migrated whole stays as it is", async () => {
      copyFileSync(frozenFile(2), file);
      query("DROP TABLE bodies_settled");
      await expect(open()).rejects.toThrow("bodies_settled");
      expect(query("PRAGMA user_version")).toEqual([{ user_version: 2 }]);
      expect(query("SELECT count(*) AS n FROM events_keys")).toEqual([{ n: 40 }]);
    });

    test("2 that holds a body twice keeps it once", async () => {
      copyFileSync(frozenFile(2), file);
      query("INSERT INTO bodies (sha256, bytes) SELECT sha256, bytes FROM bodies WHERE number < 3");
      const stream = await open();
      for (const { sha256, bytes } of BODIES) expect(await stream.body(sha256)).toEqual(bytes);
      expect(query("SELECT number FROM bodies ORDER BY number")).toEqual(
        [1, 2, 3].map((number) => ({ number })),
      );
    });

    test("2 that holds ids twice is named with their positions, and opens for reading only", async () => {
      copyFileSync(frozenFile(2), file);
      for (const position of [45, 7, 1, 2, 3, 4]) query(repeatedAtEnd(position));
      for (const ownThread of [false, true]) {
        const opening = open({ ownThread });
        await expect(opening).rejects.toThrow(StreamCorrupted);
        await expect(opening).rejects.toThrow(`${file} holds event ids twice`);
        await expect(opening).rejects.toThrow(`${sampleId(7)} at positions 7 and 52`);
        await expect(opening).rejects.toThrow(/and 1 more; it can be read .* restore a backup/);
      }
      const reader = await open({ readOnly: true });
      const all = await readAll(reader);
      expect(positionsOf(all)).toEqual(Array.from({ length: 56 }, (_, at) => at + 1));
      const { known } = await reader.findByIds([sampleId(7), sampleId(45)]);
      expect(known.get(sampleId(7))).toEqual({ event: all[6], amendments: [all[38]] });
      expect(known.get(sampleId(45))?.event.position).toBe(45);
      const plan = query(`EXPLAIN QUERY PLAN SELECT * FROM events WHERE id = 'a'`);
      expect(plan).toMatchObject([{ detail: expect.stringContaining("USING INDEX events_id") }]);
    });

    test.each([
      [1, "8b2d17112f2ca5d6118b6e94921d0bb4df3e246179996200e6f2e6f806f7e166"],
      [2, "4054efbb8ba218b244e8d90a38f3a9884154cd14960eec1b69019d066d972a5c"],
    ])("%i is kept byte for byte", (format, sha256) => {
      expect(nodeHashing.sha256(readFileSync(frozenFile(format)))).toBe(sha256);
    });
  });

  describe("that is laid out otherwise than this program does it", () => {
    /** Copies the events into a table whose ids nothing keeps unique, with the other indexes. */
    const WITHOUT_UNIQUE = `
      ALTER TABLE events RENAME TO before;
      CREATE TABLE events (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, schema_version INTEGER NOT NULL,
        subject TEXT NOT NULL, occurred_at INTEGER, recorded_at INTEGER NOT NULL, causation_id TEXT,
        correlation_id TEXT, hash TEXT NOT NULL, about TEXT, data TEXT NOT NULL);
      INSERT INTO events SELECT * FROM before;
      DROP TABLE before;
      CREATE INDEX events_about ON events (about) WHERE about IS NOT NULL;
      CREATE INDEX events_rare ON events (type, position)
        WHERE type NOT IN ('DeliveryReceived', 'RunRecorded', 'MovementRecorded', 'BalanceReported', 'FundsReported');`;
    const TRIGGER = (table: string) =>
      `CREATE TRIGGER quiet AFTER INSERT ON ${table} BEGIN SELECT 1; END`;
    const change = (sql: string) => {
      const database = new DatabaseSync(file);
      database.exec(sql);
      database.close();
    };

    test.each([
      [
        "DROP INDEX events_rare",
        /^index events_rare is missing: .*CREATE INDEX events_rare ON events/,
      ],
      [
        "DROP INDEX events_rare; CREATE INDEX events_rare ON events (type, position) WHERE type <> 'a'",
        /^index events_rare is "CREATE .* WHERE type <> 'a'", expected "CREATE .*": .*DROP INDEX IF EXISTS events_rare; CREATE/,
      ],
      ["DROP INDEX events_about", /^index events_about is missing: .*CREATE INDEX events_about/],
      [WITHOUT_UNIQUE, /^table events is ".*id TEXT NOT NULL, type.*", expected ".*UNIQUE.*export/],
      [TRIGGER("events"), /^trigger quiet is not this program's: .*DROP TRIGGER quiet/],
      [TRIGGER("bodies"), /^trigger quiet is not this program's: .*DROP TRIGGER quiet/],
      ["CREATE TABLE other (a)", /^table other is not this program's: .*DROP TABLE other/],
    ])("is named by verify: %s", async (sql, says) => {
      await leaveThree();
      expect(checkStreamFile(file)).toEqual([]);
      change(sql);
      expect(checkStreamFile(file)).toEqual([expect.stringMatching(says)]);
    });

    test.each([
      ["DROP TABLE bodies", (stream: EventStream) => stream.body("00".repeat(32))],
      [
        "ALTER TABLE events RENAME COLUMN data TO facts",
        (stream: EventStream) => stream.read({ after: 0, limit: 10 }),
      ],
    ])("is not called a read model of another version: %s", async (sql, read) => {
      await leaveThree();
      change(sql);
      const reading = read(await open());
      await expect(reading).rejects.toThrow(StreamCorrupted);
      await expect(reading).rejects.toThrow(/no such .*removed or renamed it: keep what is there/);
    });

    test("is no finding where it has the same indexes in other words, or statistics", async () => {
      await leaveThree();
      change(`DROP INDEX events_about; ANALYZE;
        CREATE INDEX "events_about" ON "events"(about)  WHERE about IS NOT NULL -- again`);
      expect(checkStreamFile(file)).toEqual([]);
    });

    test.each([
      "DROP INDEX events_rare",
      "DROP INDEX events_rare; CREATE INDEX events_rare ON events (type) WHERE type <> 'a'",
    ])("is damaged for who needs the index, and read by the others: %s", async (sql) => {
      await leaveThree();
      change(sql);
      for (const readOnly of [false, true]) {
        const stream = await open({ readOnly });
        expect(await readAll(stream)).toHaveLength(3);
        const reading = stream.read({ after: 0, limit: 9, types: ["ModelActivated"] });
        await expect(reading).rejects.toThrow(StreamCorrupted);
        await expect(reading).rejects.toThrow(/`counterfoil verify` names it/);
      }
    });

    test("is appended to by nobody where nothing keeps ids unique", async () => {
      await leaveThree();
      for (const sql of [WITHOUT_UNIQUE, "CREATE UNIQUE INDEX other ON events (id, position)"]) {
        change(sql);
        const opening = open();
        await expect(opening).rejects.toThrow(StreamCorrupted);
        await expect(opening).rejects.toThrow(/nothing keeps .* unique.*`counterfoil verify`/);
      }
    });
  });

  describe("that vanishes", () => {
    test("is not created anew; when it is back, the stream goes on", async () => {
      const stream = await open();
      await stream.append(0, sampleEvents(1, 3));
      await moveAway(file);
      await expect(stream.append(3, [sampleEvent(4)])).rejects.toThrow(StreamUnavailable);
      await expect(stream.head()).rejects.toThrow(StreamUnavailable);
      await moveBack(file);
      expect(await stream.append(3, [sampleEvent(4)])).toMatchObject({ outcome: "appended" });
      expect(await readAll(stream)).toHaveLength(4);
    });

    test("wakes who waits for it", async () => {
      const stream = await open();
      const waiting = stream.waitForAppend(0, new AbortController().signal);
      await moveAway(file);
      await waiting;
    });
  });

  describe("whose log is taken away", () => {
    test.each([false, true])(
      "acknowledges nothing more, and keeps what it acknowledged (own thread: %s)",
      async (ownThread) => {
        const stream = await open({ ownThread });
        await stream.append(0, sampleEvents(1, 50));
        await rm(`${file}-wal`);
        for (const attempt of [1, 2]) {
          const appending = stream.append(50, [sampleEvent(50 + attempt)]);
          await expect(appending).rejects.toThrow(StreamUnavailable);
          await expect(appending).rejects.toThrow(
            /stream.db-wal: the log was removed .* start them again/,
          );
          await expect(stream.head()).rejects.toThrow(StreamUnavailable);
        }
        // The state on the disk if the process were killed now.
        expect(await eventsIn(file)).toBe(50);
        await stream.close();
        const restarted = await open();
        expect((await restarted.head()).position).toBe(50);
        expect(await restarted.append(50, [sampleEvent(51)])).toMatchObject({
          outcome: "appended",
        });
      },
    );

    test("and put back by another acknowledges nothing either", async () => {
      const stream = await open();
      await stream.append(0, sampleEvents(1, 5));
      await rename(`${file}-wal`, `${file}-wal.away`);
      copyFileSync(`${file}-wal.away`, `${file}-wal`);
      await expect(stream.append(5, [sampleEvent(6)])).rejects.toThrow(StreamUnavailable);
    });
  });

  test("that others hold is waited for, with the event loop free", async () => {
    const stream = await open();
    const holder = new DatabaseSync(file);
    holder.exec("BEGIN IMMEDIATE");
    const appending = stream.append(0, [sampleEvent(1)]);
    let turns = 0;
    for (; turns < 20; turns += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await stream.head()).position).toBe(0);
    holder.close();
    expect(await appending).toMatchObject({ outcome: "appended" });
  });
});

/**
 * Files written by the programs of formats 1 and 2. Format 1: 40 events and two bodies. Format 2: the
 * same, ten more events and a third body; its index holds a part of the ids.
 */
const frozenFile = (format: number) =>
  new URL(`testing/stream-format-${format}.db`, import.meta.url);

/** Repeats an event at the end of the stream, which format 2 does not prevent. */
const repeatedAtEnd = (position: number) => `
  INSERT INTO events
  SELECT (SELECT max(position) + 1 FROM events), id, type, schema_version, subject, occurred_at,
    recorded_at, causation_id, correlation_id, hash, about, data
  FROM events WHERE position = ${position}`;

const SUFFIXES = ["", "-wal", "-shm"];

/** Reads the database alone, without its logs. */
async function eventsIn(file: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "counterfoil-killed-"));
  const copy = join(folder, "stream.db");
  copyFileSync(file, copy);
  const database = new DatabaseSync(copy);
  const counted = database.prepare("SELECT count(*) AS n FROM events").get();
  database.close();
  await rm(folder, { recursive: true });
  return Number(counted?.n);
}

async function moveAway(file: string): Promise<void> {
  for (const suffix of SUFFIXES) await rename(file + suffix, `${file}.away${suffix}`);
}

async function moveBack(file: string): Promise<void> {
  for (const suffix of SUFFIXES)
    await rename(`${file}.away${suffix}`, file + suffix).catch(() => {});
}

async function overwrite(file: string, position: number, text: string): Promise<void> {
  const handle = await openFile(file, "r+");
  await handle.write(text, position);
  await handle.close();
}
