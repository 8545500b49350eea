import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createClient } from "@counterfoil/adapters/kafka/client";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import { type ConsumeOptions, type Consuming, consume } from "@counterfoil/consumer-kit/consume";
import {
  createFactSequences,
  createStateTable,
  type FindStoredState,
  type Hole,
  type StateChange,
} from "@counterfoil/consumer-kit/reading";
import type { TopicPublisher, TopicRecord } from "@counterfoil/processing/ports/topics";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { endScripts, startScript } from "../e2e/support/publisher-process.ts";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const logger = pino({ level: "silent" });
const KEYS = Array.from({ length: 12 }, (_, at) => `key ${at}`);
/** The client gives an attempt up after five retries, whose pauses are random; and the machine may be busy. */
const STOP_MS_MAX = 60_000;
const stillRunning = () => wait(STOP_MS_MAX, "still running", { ref: false });
const AT = "2026-01-02T03:04:05Z";

const common = {
  ce_specversion: "1.0",
  ce_source: "/counterfoil/books",
  ce_time: AT,
  "content-type": "application/json",
  counterfoil_ledger: "books",
} as const;

function fact(key: string, sequence: number): TopicRecord {
  const id = "00000000-0000-5000-8000-000000000001";
  const event = {
    ...{
      position: String(sequence),
      id,
      type: "MovementRecorded",
      schema_version: 1,
      subject: key,
    },
    ...{ occurred_at: null, recorded_at: AT, causation_id: null, correlation_id: null },
    ...{ data: {}, hash: "0".repeat(64) },
  };
  const headers = {
    ...common,
    ...{ ce_id: id, ce_type: event.type, ce_subject: key },
    ...{ counterfoil_position: String(sequence), counterfoil_key_sequence: String(sequence) },
  };
  return { topic: "events", key, value: JSON.stringify(event), headers };
}

/** The balance of a key is the number of its last fact. */
function balance(key: string, sequence: number): TopicRecord {
  const record = {
    ...{ id: key, provider: "zerohash", account_id: null, account_ids: [] },
    ...{ participant_code: "D", account_group: "A", account_label: "general" },
    ...{ account_type: "available", asset: "BTC", address: null, balance: String(sequence) },
    ...{ status: "continuous", open_gaps: 0, last_run_id: null, updated_at: null },
    position: String(sequence),
  };
  const headers = {
    ...common,
    ...{ ce_id: `balances:${key}:1:${sequence}`, ce_type: "BalanceChanged", ce_subject: key },
    ...{ counterfoil_position: String(sequence), counterfoil_generation: "1" },
  };
  return { topic: "balances", key, value: JSON.stringify(record), headers };
}

/** What the readers of a group have done, as their common database would say. */
function createResults(isStored: boolean) {
  const facts = new Map<string, number>();
  const states = new Map<string, Awaited<ReturnType<FindStoredState>>>();
  const handled = new Map<string, number>();
  const holes: Hole[] = [];
  const wrong: unknown[] = [];
  const waiting = new Set<() => void>();
  const look = () => {
    for (const one of waiting) one();
  };

  /** `before` is what was stored last, or, where nobody stores, unknown or what is true. */
  function check({ key, before, after, position }: StateChange): void {
    const was = states.get(key)?.record ?? null;
    const isRight = JSON.stringify(before) === JSON.stringify(was);
    if (!isRight && (isStored || before !== undefined)) wrong.push({ key, before, was, position });
    const isNewer = position > (states.get(key)?.position ?? 0);
    if (isNewer) states.set(key, { position, record: after } as never);
    look();
  }

  const options = (): Pick<
    ConsumeOptions,
    "sequences" | "states" | "onFact" | "onChange" | "onHole"
  > => ({
    ...(isStored && {
      sequences: createFactSequences(async (key) => facts.get(key) ?? 0),
      states: createStateTable((async (_topic, key) => states.get(key) ?? null) as FindStoredState),
    }),
    onFact: ({ key, keySequence }) => {
      const times = `${key} ${keySequence}`;
      handled.set(times, (handled.get(times) ?? 0) + 1);
      facts.set(key, Math.max(keySequence, facts.get(key) ?? 0));
      look();
    },
    onChange: check,
    onHole: (hole) => void holes.push(hole),
  });

  /** Every key is read up to this number, on both topics. */
  const whenAt = (sequence: number) =>
    new Promise<void>((resolve) => {
      const isThere = () =>
        KEYS.every((key) => facts.get(key) === sequence && states.get(key)?.position === sequence);
      const one = () => isThere() && resolve();
      waiting.add(one);
      one();
    });
  return { options, whenAt, holes, wrong, handled };
}

describeWithBroker(
  `readers of a group, on a real broker${missing === null ? "" : `: ${missing}`}`,
  () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await startBroker();
    });
    afterEach(endScripts);
    afterAll(() => broker?.dispose());

    /** A publisher that brings every key to a number, and readers of one group. */
    async function openGroup(prefix: string, results: ReturnType<typeof createResults>) {
      const topics = createKafkaTopics({
        brokers: [broker.address],
        prefix,
        logger,
        partitions: 6,
      });
      const publisher: TopicPublisher = await topics.open();
      let published = 0;
      const bringTo = async (sequence: number) => {
        for (; published < sequence; published += 1) {
          const records = KEYS.flatMap((key) => [
            fact(key, published + 1),
            balance(key, published + 1),
          ]);
          await publisher.publish({ records, checkpoint: String(published + 1) });
        }
      };
      const join = async (): Promise<Consuming> => {
        const kafka = createClient({ brokers: [broker.address], clientId: "reader", logger });
        const reader = await consume({
          ...{ kafka, prefix, topics: ["events", "balances"], groupId: `${prefix}-group` },
          ...results.options(),
        });
        return reader;
      };
      return { bringTo, join, close: () => publisher.close() };
    }

    test.each([
      ["numbers are stored", true],
      ["nothing is stored", false],
    ])(
      "join, leave and join again, where %s: no hole, and before is right",
      async (what, isStored) => {
        const results = createResults(isStored);
        const group = await openGroup(`group-${isStored ? "stored" : "bare"}`, results);
        await group.bringTo(5);
        const stayer = await group.join();
        await results.whenAt(5);
        for (let round = 1; round <= 3; round += 1) {
          const start = round * 20;
          const other = await group.join();
          await group.bringTo(start);
          await results.whenAt(start);
          // Half of the partitions went on without the one who stays; now it has them again.
          await other.stop();
          await group.bringTo(start + 10);
          await results.whenAt(start + 10);
        }
        await stayer.stop();
        await group.close();
        expect({ what, holes: results.holes, wrong: results.wrong }).toEqual({
          what,
          holes: [],
          wrong: [],
        });
        expect(results.handled.size).toBe(70 * KEYS.length);
        const repeated = [...results.handled].filter(([, times]) => times > 1);
        if (isStored) expect(repeated).toEqual([]);
      },
    );

    test("the example stores what two processes read, and one goes on from the other", async () => {
      const prefix = "group-example";
      const group = await openGroup(prefix, createResults(true));
      const folder = mkdtempSync(join(tmpdir(), "counterfoil-reader-"));
      const start = () =>
        startScript("packages/consumer-kit/example/store-balances.ts", {
          args: [join(folder, "results.db")],
          env: {
            COUNTERFOIL_KAFKA_BROKERS: broker.address,
            COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix,
          },
          parse: String,
        });
      const whenAt = (sequence: number, readers: readonly ReturnType<typeof start>[]) =>
        Promise.all(
          KEYS.map((key) =>
            Promise.any(readers.map(({ when }) => when((line) => line === `${sequence}\t${key}`))),
          ),
        );
      await group.bringTo(5);
      const first = start();
      await whenAt(5, [first]);
      const second = start();
      await group.bringTo(20);
      await whenAt(20, [first, second]);
      first.signal("SIGTERM");
      expect(await first.ended).toBe(0);
      await group.bringTo(30);
      await whenAt(30, [second]);
      second.signal("SIGTERM");
      expect(await second.ended).toBe(0);
      expect(first.errors() + second.errors()).not.toContain("are missing");
      const lines = [...first.lines, ...second.lines];
      expect(new Set(lines).size).toBe(30 * KEYS.length);
      expect(lines).toHaveLength(30 * KEYS.length);
      await group.close();
      rmSync(folder, { recursive: true });
    });

    test("the example that is paused for longer than its session writes nothing older afterwards", async () => {
      const prefix = "group-paused";
      const group = await openGroup(prefix, createResults(true));
      const folder = mkdtempSync(join(tmpdir(), "counterfoil-reader-"));
      const file = join(folder, "results.db");
      const start = (more: Readonly<Record<string, string>> = {}) =>
        startScript("packages/consumer-kit/example/store-balances.ts", {
          args: [file, "6000"],
          env: {
            COUNTERFOIL_KAFKA_BROKERS: broker.address,
            COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix,
            ...more,
          },
          parse: String,
        });
      const whenAt = (sequence: number, readers: readonly ReturnType<typeof start>[]) =>
        Promise.all(
          KEYS.map((key) =>
            Promise.any(readers.map(({ when }) => when((line) => line === `${sequence}\t${key}`))),
          ),
        );
      await group.bringTo(60);
      const paused = start({
        NODE_OPTIONS: `--import=${import.meta.dirname}/pause-between-messages.ts`,
        COUNTERFOIL_TEST_PAUSE_AFTER: "20\tkey 3",
      });
      await paused.when((line) => line === "20\tkey 3");
      const other = start();
      // The other member has the partitions now, and reads the rest of the backlog.
      await whenAt(60, [paused, other]);
      paused.signal("SIGCONT");
      await group.bringTo(70);
      await whenAt(70, [paused, other]);
      const database = new DatabaseSync(file, { readOnly: true });
      const stored = (sql: string) =>
        new Map(
          database
            .prepare(sql)
            .all()
            .map((row) => Object.values(row)) as never,
        );
      const numbers = "SELECT subject, number FROM facts";
      const last = new Map(KEYS.map((key) => [key, 70]));
      while (!isDeepStrictEqual(stored(numbers), last)) await wait(100);
      for (const reader of [paused, other]) reader.signal("SIGTERM");
      expect(await Promise.all([paused.ended, other.ended])).toEqual([0, 0]);
      expect(stored("SELECT id, position FROM balances")).toEqual(last);
      database.close();
      const lines = [...paused.lines, ...other.lines];
      expect(lines).toHaveLength(new Set(lines).size);
      expect(paused.errors() + other.errors()).not.toContain("are missing");
      await group.close();
      rmSync(folder, { recursive: true });
    });

    describe("a stop while the broker is away", () => {
      async function startReader(prefix: string) {
        const group = await openGroup(prefix, createResults(true));
        await group.bringTo(1);
        await group.close();
        const folder = mkdtempSync(join(tmpdir(), "counterfoil-reader-"));
        const reader = startScript("packages/consumer-kit/example/store-balances.ts", {
          args: [join(folder, "results.db")],
          env: {
            COUNTERFOIL_KAFKA_BROKERS: broker.address,
            COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix,
            // In tests of its own the client retries faster, and more often.
            NODE_ENV: "production",
          },
          parse: String,
        });
        await Promise.all(KEYS.map((key) => reader.when((line) => line === `1\t${key}`)));
        await broker.halt("at once");
        return reader;
      }

      test("ends a reader that tries to reach it", async () => {
        const reader = await startReader("away");
        await wait(3000);
        reader.signal("SIGTERM");
        const end = await Promise.race([reader.ended, stillRunning()]);
        await broker.resume();
        expect(end).toBe(0);
        expect(reader.errors()).not.toContain("Restarting the consumer");
      });

      test("ends a reader that has begun to restart, although the broker comes back", async () => {
        const reader = await startReader("back");
        let restart: RegExpMatchArray | null = null;
        while (restart === null) {
          await wait(100);
          restart = reader.errors().match(/Restarting the consumer in (\d+)ms/);
        }
        await wait(Number(restart[1]) + 500);
        reader.signal("SIGTERM");
        await broker.resume();
        expect(await Promise.race([reader.ended, stillRunning()])).toBe(0);
        expect(reader.errors().match(/Restarting the consumer/g)).toHaveLength(1);
      });
    });
  },
);
