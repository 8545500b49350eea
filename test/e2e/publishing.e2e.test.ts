import { createClient } from "@counterfoil/adapters/kafka/client";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { readCommitted } from "@counterfoil/adapters/kafka/testing/read-committed";
import { FACT_TOPIC, STATE_TOPICS, type Topic, topicName } from "@counterfoil/contracts/kafka";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { PublisherEvent } from "@counterfoil/publisher/publisher";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { planOf } from "../system/arbitraries.ts";
import {
  expectAllFacts,
  expectRising,
  lastStates,
  type PublishedRecord,
} from "../system/published.ts";
import { openTestLedger, type TestLedger } from "../system/support.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { allOverHttp, statesOverHttp } from "./support/http-records.ts";
import { endScripts, startPublisherProcess, startScript } from "./support/publisher-process.ts";

/** A night's run: `PUBLISH_FACTS=100000 PUBLISH_KILLS=10 PUBLISH_RESTARTS=2`. */
const FACTS = Number(process.env.PUBLISH_FACTS ?? 5_000);
const KILLS = Number(process.env.PUBLISH_KILLS ?? 3);
const RESTARTS = Number(process.env.PUBLISH_RESTARTS ?? 1);
/** Enough transactions for every kill to meet one. */
const COUNT = Math.ceil(FACTS / (KILLS * 25));
const PATIENCE_MS = 120_000 + FACTS * 10;

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const logger = pino({ level: "silent" });
const TOPICS: readonly Topic[] = [FACT_TOPIC, ...(Object.keys(STATE_TOPICS) as Topic[])];

/** Deliveries that make so many events and more. */
function deliveriesFor(facts: number) {
  const scenario = {
    seed: 4711,
    participants: 4,
    flows: Math.ceil(facts / 60),
    meanGapMs: 400,
    burstRate: 0.3,
    receiverSkewMs: 300,
    feeds: 1,
    reconnectRate: 0.002,
    snapshotRaceMs: 400,
    webhookRepeatRate: 0.1,
    webhookLossRate: 0.1,
  };
  return planOf(scenario).plan;
}

async function headOf({ stream }: TestLedger): Promise<number> {
  return (await stream.head()).position;
}

const isCommit = (event: PublisherEvent) => event.kind === "commit";
const isAt = (position: number) => (event: PublisherEvent) =>
  event.kind !== "state" && event.position === position;

describeWithBroker(`publishing, on a real broker${missing === null ? "" : `: ${missing}`}`, () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterEach(async () => {
    await endScripts();
    await endAllProcesses();
  });
  afterAll(() => broker?.dispose());

  async function published(prefix: string): Promise<readonly PublishedRecord[]> {
    const kafka = createClient({ brokers: [broker.address], clientId: "test", logger });
    const names = new Map(TOPICS.map((topic) => [topicName(prefix, topic), topic]));
    const found = await readCommitted(kafka, [...names.keys()]);
    return found.map((record) => ({ ...record, topic: names.get(record.topic) ?? "" }));
  }

  async function expectPublished(prefix: string, ledger: TestLedger): Promise<void> {
    const records = await published(prefix);
    expectAllFacts(records, await headOf(ledger));
    expectRising(records);
    const gateway = startRole(["gateway"], {
      COUNTERFOIL_DATA_DIR: ledger.dataDir,
      COUNTERFOIL_HTTP_PORT: "0",
    });
    const address = await addressOf(gateway);
    expect(lastStates(records)).toEqual(await statesOverHttp(address));
    const facts = records.filter(({ topic }) => topic === FACT_TOPIC);
    const byPosition = new Map(
      facts.map(({ value, headers }) => [headers.counterfoil_position, JSON.parse(value ?? "")]),
    );
    for await (const event of allOverHttp<EventRecord>(address, "/v1/events")) {
      expect(byPosition.get(event.position)).toEqual(event);
    }
    expect(await stopRole(gateway)).toBe(0);
  }

  test(
    "killed at random moments, the broker too, it loses nothing and repeats nothing",
    async () => {
      const prefix = "killed";
      const ledger = await openTestLedger({ engine: "sqlite", seed: 4711 });
      const random = createRandom("publisher", "kills");
      const start = () =>
        startPublisherProcess([ledger.dataDir, broker.address, prefix, String(COUNT)]);
      const feeding = feed(ledger);
      for (let kill = 0; kill < KILLS; kill += 1) {
        const publisher = start();
        for (let commits = random.between(1, 20), seen = 0; commits > 0; commits -= 1) {
          await publisher.when(isCommit, seen);
          seen = publisher.lines.findIndex((line, at) => at >= seen && isCommit(line)) + 1;
        }
        if (kill < RESTARTS) {
          await broker.halt(random.pick(["gently", "at once"] as const));
          await broker.resume();
        }
        // Somewhere in the next transaction.
        setTimeout(() => publisher.signal("SIGKILL"), random.between(0, 60));
        await publisher.ended;
      }
      await feeding;
      const publisher = start();
      await publisher.when(isAt(await headOf(ledger)));
      publisher.signal("SIGTERM");
      expect(await publisher.ended).toBe(0);
      await ledger.release();
      await expectPublished(prefix, ledger);
      await ledger.close();
    },
    PATIENCE_MS,
  );

  test("one that slept while another took over writes nothing old over new", async () => {
    const prefix = "slept";
    const ledger = await openTestLedger({ engine: "sqlite", seed: 4712 });
    const plan = deliveriesFor(400);
    const start = () =>
      startPublisherProcess([ledger.dataDir, broker.address, prefix, "20", "alone"]);
    await ledger.play(plan.slice(0, plan.length / 2));
    await ledger.catchUp();
    const sleeper = start();
    await sleeper.when(isCommit);
    sleeper.signal("SIGSTOP");
    await ledger.play(plan.slice(plan.length / 2));
    await ledger.catchUp();
    const other = start();
    await other.when(isAt(await headOf(ledger)));
    const before = sleeper.lines.length;
    sleeper.signal("SIGCONT");
    await sleeper.when((event) => event.kind === "state" && event.state === "fenced", before);
    sleeper.signal("SIGKILL");
    await sleeper.ended;
    expect(sleeper.lines.slice(before).filter(isCommit)).toEqual([]);
    other.signal("SIGTERM");
    expect(await other.ended).toBe(0);
    await ledger.release();
    await expectPublished(prefix, ledger);
    await ledger.close();
  });

  test("the example reads every balance, prints what changes, and ends in due form", async () => {
    const prefix = "example";
    const ledger = await openTestLedger({ engine: "sqlite", seed: 4713 });
    const plan = deliveriesFor(400);
    const half = Math.floor(plan.length / 2);
    await ledger.play(plan.slice(0, half));
    await ledger.catchUp();
    const publisher = startPublisherProcess([ledger.dataDir, broker.address, prefix, "50"]);
    await publisher.when(isAt(await headOf(ledger)));
    const example = startScript("packages/consumer-kit/example/print-balances.ts", {
      env: {
        COUNTERFOIL_KAFKA_BROKERS: broker.address,
        COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix,
      },
      parse: String,
    });
    await example.when((line) => line.startsWith("-- everything is read"));
    const before = lastStates(await published(prefix)).balances;
    await ledger.play(plan.slice(half));
    await ledger.catchUp();
    await publisher.when(isAt(await headOf(ledger)));
    const after = lastStates(await published(prefix)).balances as Balances;
    for (const [id, { balance }] of Object.entries(after)) {
      if ((before as Balances)[id]?.balance === balance) continue;
      await example.when((line) => line.includes(`\t${id}\t`) && line.endsWith(` -> ${balance}`));
    }
    example.signal("SIGINT");
    expect(await example.ended).toBe(0);
    expect(example.lines.at(-1)).toBe(`-- ${Object.keys(after).length} balances`);
    expect(example.errors()).toBe("");
    publisher.signal("SIGTERM");
    expect(await publisher.ended).toBe(0);
    await ledger.close();
  });
});

type Balances = Readonly<Record<string, Readonly<{ balance: string }>>>;

/** The whole history, in slices, with the models behind it as they can follow. */
async function feed(ledger: TestLedger): Promise<void> {
  const plan = deliveriesFor(FACTS);
  for (let at = 0; at < plan.length; at += 200) {
    await ledger.play(plan.slice(at, at + 200));
    await ledger.catchUp();
  }
  expect(await headOf(ledger)).toBeGreaterThanOrEqual(FACTS);
}
