import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  brokenAt,
  positionsOf,
  readAll,
} from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { startProcess } from "../testing/start-process.ts";
import { openEventStream } from "./event-stream.ts";

const LEDGER = "examination";
const APPENDER = new URL("../testing/appender.ts", import.meta.url);
const NEVER = new AbortController().signal;

describe("a stream file that several processes use", () => {
  let dataDir = "";
  let opened: EventStream[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-processes-"));
  });
  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
    await rm(dataDir, { recursive: true });
  });

  const open = async (readOnly = false) => {
    const options = { dataDir, ledger: LEDGER, hashing: nodeHashing, clock: systemClock, readOnly };
    const stream = await openEventStream(options);
    opened.push(stream);
    return stream;
  };
  const startAppender = (first: number, count: number) =>
    startProcess(APPENDER, ["sqlite", dataDir, LEDGER, `${first}`, `${count}`]);

  test("four processes create it at once and append in turns", async () => {
    const appenders = [1, 2, 3, 4].map((each) => startAppender(1000 * each, 50));
    await Promise.all(appenders.map((appender) => appender.ended()));
    const events = await readAll(await open());
    expect(positionsOf(events)).toEqual(Array.from({ length: 600 }, (_, at) => at + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(600);
    expect(brokenAt(events, { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
  });

  test.each([1, 25, 60])(
    "killed after acknowledgement %i, it holds a whole prefix",
    async (acknowledged) => {
      const appender = startAppender(1, 1_000_000);
      await appender.printed(acknowledged);
      await appender.kill();
      const stream = await open();
      const events = await readAll(stream);
      expect(events.length).toBeGreaterThanOrEqual(Number(appender.lines.at(-1)));
      expect(events.length % 3).toBe(0);
      expect(positionsOf(events)).toEqual(events.map((_, at) => at + 1));
      expect(brokenAt(events, { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
      const next = await stream.append(events.length, sampleEvents(2_000_000, 2_000_001));
      expect(next).toMatchObject({ outcome: "appended" });
    },
  );

  test("a reader wakes after an append by another process", async () => {
    const reader = await openReader();
    const waiting = reader.waitForAppend(0, NEVER);
    await startAppender(1, 1).ended();
    await waiting;
    expect(await readAll(reader)).toHaveLength(3);
  });

  test("a reader wakes after an append by a worker thread", async () => {
    const reader = await openReader();
    const waiting = reader.waitForAppend(0, NEVER);
    const worker = new Worker(APPENDER, {
      argv: ["sqlite", dataDir, LEDGER, "1", "1"],
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdout: true,
    });
    await waiting;
    expect((await reader.head()).position).toBe(3);
    await worker.terminate();
  });

  async function openReader(): Promise<EventStream> {
    await (await open()).close();
    return open(true);
  }
});
