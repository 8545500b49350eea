import { setTimeout as wait } from "node:timers/promises";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import type { EventRecord } from "@counterfoil/contracts/record";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createApi, until } from "../e2e/support/api.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { allOverHttp, statesOverHttp } from "../e2e/support/http-records.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { startLoad } from "./load.ts";
import { metric } from "./metric.ts";
import { readTopics } from "./published-topics.ts";
import { tell } from "./tell.ts";
import { whenCaughtUp } from "./when-caught-up.ts";

/** The whole of it: `COUNTERFOIL_TEST_OUTAGE_SECONDS=60 COUNTERFOIL_TEST_OUTAGE_RATE=500`. */
const SECONDS = Number(process.env.COUNTERFOIL_TEST_OUTAGE_SECONDS ?? 5);
const RATE = Number(process.env.COUNTERFOIL_TEST_OUTAGE_RATE ?? 100);
const PATIENCE_MS = 180_000 + SECONDS * 15_000;
const PREFIX = "away";
const LAG = "counterfoil_publisher_lag_events";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

/** However long the publisher pauses between two attempts, and however much there is to publish. */
async function untilLag(address: string, isReached: (lag: number) => boolean): Promise<number> {
  for (;;) {
    const lag = await metric(address, LAG);
    if (lag !== null && isReached(lag)) return lag;
    await wait(100);
  }
}

async function expectPublished(address: string, broker: string): Promise<number> {
  const { facts, holes, states } = await readTopics(broker, PREFIX);
  expect(holes).toEqual([]);
  expect(states).toEqual(await statesOverHttp(address));
  const byPosition = new Map(facts.map(({ position, event }) => [String(position), event]));
  expect(byPosition.size).toBe(facts.length);
  let count = 0;
  for await (const event of allOverHttp<EventRecord>(address, "/v1/events")) {
    count += 1;
    expect(byPosition.get(event.position)).toEqual(event);
  }
  expect(facts.length).toBe(count);
  return count;
}

describeWithBroker(
  `a broker away for seconds${missing === null ? "" : ` (SKIPPED: ${missing})`}`,
  () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await startBroker();
    });
    afterAll(() => broker?.dispose());

    describeOwnPostgres("start on PostgreSQL", (use) => {
      test(
        "stream and models go on, the lag shows, and the topics are complete afterwards",
        async () => {
          const service = startRole(["start"], {
            ...configOf(newFolder()),
            COUNTERFOIL_POSTGRES_URL: await newDatabase(use().url),
            COUNTERFOIL_KAFKA_BROKERS: broker.address,
            COUNTERFOIL_KAFKA_TOPIC_PREFIX: PREFIX,
          });
          const address = await addressOf(service);
          const api = createApi(address);
          const { steps } = generateHistory({
            seed: "broker",
            deposits: 50_000,
            withdrawals: 50_000,
          });
          const load = startLoad({
            webhooks: webhookDeliveries(steps),
            nextAddress: () => address,
            ratePerSecond: RATE,
          });
          await until(
            "something published",
            () => metric(address, "counterfoil_publisher_facts_total"),
            (facts) => facts !== null && facts > 0,
          );

          await broker.halt("at once");
          const before = load.acknowledged.size;
          await wait(SECONDS * 1000);
          const lag = await untilLag(address, (found) => found > RATE);
          const acknowledged = load.acknowledged.size - before;
          await load.finish();
          await whenCaughtUp(api);
          expect(acknowledged).toBeGreaterThan(RATE);
          expect([...load.statuses.keys()]).toEqual(["200"]);

          await broker.resume();
          const resumedAtMs = performance.now();
          await untilLag(address, (found) => found === 0);
          const caughtUpMs = Math.round(performance.now() - resumedAtMs);
          const facts = await expectPublished(address, broker.address);
          tell(`Kafka away for ${SECONDS} s`, { acknowledged, lag, caughtUpMs, facts });
          expect(await stopRole(service)).toBe(0);
        },
        PATIENCE_MS,
      );
    });
  },
);
