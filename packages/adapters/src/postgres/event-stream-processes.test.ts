import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  brokenAt,
  positionsOf,
  readAll,
} from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { startProcess } from "../testing/start-process.ts";
import { openEventStream } from "./event-stream.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const APPENDER = new URL("../testing/appender.ts", import.meta.url);
const NEVER = new AbortController().signal;

describePostgres("a stream on PostgreSQL that several processes use", (use) => {
  let ledger = "";
  let opened: EventStream[] = [];

  beforeEach(() => {
    ledger = use().newLedger();
  });
  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
  });

  const open = async (readOnly = false) => {
    const { url } = use();
    const options = { url, ledger, hashing: nodeHashing, clock: systemClock, readOnly };
    const stream = await openEventStream(options);
    opened.push(stream);
    return stream;
  };
  const startAppender = (first: number, count: number) =>
    startProcess(APPENDER, ["postgres", use().url, ledger, `${first}`, `${count}`]);

  test("three processes create it at once and append in turns", async () => {
    const appenders = [1, 2, 3].map((each) => startAppender(1000 * each, 30));
    await Promise.all(appenders.map((appender) => appender.ended()));
    const events = await readAll(await open());
    expect(positionsOf(events)).toEqual(Array.from({ length: 270 }, (_, at) => at + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(270);
    expect(brokenAt(events, { ledger, hashing: nodeHashing })).toBeNull();
  });

  test.each([1, 25])(
    "killed after acknowledgement %i, it holds a whole prefix",
    async (acknowledged) => {
      const appender = startAppender(1, 1_000_000);
      await appender.printed(acknowledged);
      await appender.kill();
      const stream = await open();
      const { position } = await stream.head();
      const next = await appendedAfter(stream, position);
      const events = await readAll(stream);
      expect(next).toBeGreaterThan(Number(appender.lines.at(-1)));
      expect(events.length % 3).toBe(0);
      expect(positionsOf(events)).toEqual(events.map((_, at) => at + 1));
      expect(brokenAt(events, { ledger, hashing: nodeHashing })).toBeNull();
    },
  );

  test("a reader wakes after an append by another process", async () => {
    await open();
    const reader = await open(true);
    const waiting = reader.waitForAppend(0, NEVER);
    await startAppender(1, 1).ended();
    await waiting;
    expect(await readAll(reader)).toHaveLength(3);
  });
});

/** Retries at the new head, because the server may still commit what a killed process has sent. */
async function appendedAfter(stream: EventStream, position: number): Promise<number> {
  const result = await stream.append(position, sampleEvents(9_000_001, 9_000_003));
  if (result.outcome === "appended") return result.head.position;
  return appendedAfter(stream, (await stream.head()).position);
}
