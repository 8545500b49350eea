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
import { readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvent, sampleEvents, sampleId } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../node/clock.ts";
import { nodeHashing } from "../node/hashing.ts";
import { openEventStream } from "./event-stream.ts";

describe("the stream's file", () => {
  let dataDir = "";
  let file = "";
  let opened: EventStream[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-file-"));
    file = join(dataDir, "stream.db");
  });
  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
    await rm(dataDir, { recursive: true });
  });

  const open = async ({ ledger = "examination", readOnly = false, folder = dataDir } = {}) => {
    const options = { dataDir: folder, ledger, hashing: nodeHashing, clock: systemClock, readOnly };
    const stream = await openEventStream(options);
    opened.push(stream);
    return stream;
  };
  /** Leaves a stream of three events with nothing open, so that the file can be tampered with. */
  const leaveThree = async () => {
    const stream = await open();
    await stream.append(0, sampleEvents(1, 3));
    await stream.close();
  };

  describe("read-only", () => {
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
      const blocked = open({ folder: join(dataDir, "occupied", "data") });
      await expect(blocked).rejects.toThrow(StreamUnavailable);
    });
  });

  test("of format 1 is brought to the present one, and holds what it held", async () => {
    const bodies = [1, 2].map((n) => ({ sha256: `${n}`.repeat(64), bytes: Uint8Array.of(n) }));
    const before = await open();
    await before.append(
      0,
      [...sampleEvents(1, 40), sampleEvent(41, { about: sampleId(7) })],
      bodies,
    );
    const [events, known] = [await readAll(before), await before.findByIds([sampleId(7)])];
    await before.close();
    const database = new DatabaseSync(file);
    database.exec(TO_FORMAT_1);
    database.close();
    const early = open({ readOnly: true });
    await expect(early).rejects.toThrow(StreamMissing);
    await expect(early).rejects.toThrow("has format 1");
    const after = await open();
    expect(await readAll(after)).toEqual(events);
    expect(await after.findByIds([sampleId(7)])).toEqual(known);
    for (const { sha256, bytes } of bodies) expect(await after.body(sha256)).toEqual(bytes);
    await expect(after.append(41, [sampleEvent(7)])).rejects.toThrow(EventIdTaken);
    await after.append(41, [sampleEvent(42)], bodies);
    expect(new DatabaseSync(file).prepare("SELECT count(*) AS n FROM bodies").get()).toEqual({
      n: 2,
    });
    expect((await (await open({ readOnly: true })).findByIds([sampleId(42)])).known.size).toBe(1);
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

/** Format 1 had unique indexes, and no tables for keys. */
const TO_FORMAT_1 = `
  DROP TABLE events_keys; DROP TABLE events_settled;
  DROP TABLE bodies_keys; DROP TABLE bodies_settled;
  CREATE TABLE bodies_1 (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);
  INSERT INTO bodies_1 SELECT sha256, bytes FROM bodies;
  DROP TABLE bodies;
  ALTER TABLE bodies_1 RENAME TO bodies;
  CREATE UNIQUE INDEX events_id ON events (id);
  PRAGMA user_version = 1;
`;

const SUFFIXES = ["", "-wal", "-shm"];

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
