import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvent } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { describeWithDisk, mountAgain, mountDisk, unmount } from "./testing/small-disk.ts";

const LEDGER = "examination";

describeWithDisk("a stream on a small disk", () => {
  let dataDir = "";
  let stream: EventStream;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "counterfoil-disk-"));
    mountDisk(dataDir, "size=4m");
    stream = await open();
  });
  afterEach(async () => {
    await stream.close();
    unmount(dataDir);
    rmSync(dataDir, { recursive: true });
  });

  const open = () =>
    openEventStream({ dataDir, ledger: LEDGER, hashing: nodeHashing, clock: systemClock });
  const remount = (options: string) => mountAgain(dataDir, options);
  const append = async () => {
    const { position } = await stream.head();
    const data = JSON.stringify("x".repeat(50_000));
    return stream.append(
      position,
      [1, 2].map((each) => sampleEvent(position + each, { data })),
    );
  };
  /** Appends until the disk is full. @returns how many events were acknowledged. */
  const fill = async () => {
    for (let acknowledged = 0; ; acknowledged += 2) {
      try {
        await append();
      } catch (error) {
        expect(error).toBeInstanceOf(StreamUnavailable);
        return acknowledged;
      }
    }
  };

  test("that is full refuses appends, keeps what it acknowledged, and goes on when there is room", async () => {
    const acknowledged = await fill();
    expect(acknowledged).toBeGreaterThan(10);
    await expect(append()).rejects.toThrow(StreamUnavailable);
    expect(await readAll(stream)).toHaveLength(acknowledged);

    remount("size=16m");
    for (let round = 0; round < 20; round += 1) {
      expect(await append()).toMatchObject({ outcome: "appended" });
    }
    const events = await readAll(stream);
    expect(events).toHaveLength(acknowledged + 40);
    expect(brokenAt(events, { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
  });

  test("that other files fill up is as full", async () => {
    await append();
    const ballast = join(dataDir, "ballast");
    expect(() => writeFileSync(ballast, new Uint8Array(8 * 1024 * 1024))).toThrow();
    await expect(append()).rejects.toThrow(StreamUnavailable);
    rmSync(ballast);
    expect(await append()).toMatchObject({ outcome: "appended" });
    expect(await readAll(stream)).toHaveLength(4);
  });

  test("that became read-only refuses appends, and goes on when it can be written", async () => {
    // The kernel remounts a disk read-only only while no file on it is open for writing; after an
    // error the stream has none open.
    const acknowledged = await fill();
    remount("ro,size=16m");
    await expect(append()).rejects.toThrow(StreamUnavailable);
    await expect(append()).rejects.toThrow(StreamUnavailable);
    remount("rw");
    expect(await append()).toMatchObject({ outcome: "appended" });
    expect(await readAll(stream)).toHaveLength(acknowledged + 2);
  });
});
