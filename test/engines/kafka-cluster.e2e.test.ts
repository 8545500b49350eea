import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import { createClient } from "@counterfoil/adapters/kafka/client";
import { missingForBroker } from "@counterfoil/adapters/kafka/testing/broker";
import {
  type ClusterUser,
  NODES,
  startCluster,
  type TestCluster,
} from "@counterfoil/adapters/kafka/testing/cluster";
import { grantPublisher } from "@counterfoil/adapters/kafka/testing/grant-publisher";
import { readCommitted } from "@counterfoil/adapters/kafka/testing/read-committed";
import { FACT_TOPIC, STATE_TOPICS, type Topic, topicName } from "@counterfoil/contracts/kafka";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { createApi } from "../e2e/support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  type LogLine,
  type RunningProcess,
  runCommand,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { statesOverHttp } from "../e2e/support/http-records.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { expectAllFacts, expectRising, lastStates } from "../system/published.ts";
import { type Load, startLoad } from "./load.ts";
import { metric } from "./metric.ts";
import { startDownstream } from "./published-topics.ts";
import { tell } from "./tell.ts";
import { whenCaughtUp } from "./when-caught-up.ts";

const RATE = Number(process.env.COUNTERFOIL_TEST_CLUSTER_RATE ?? 20);
const PREFIX = "platform";
const TOPICS: readonly Topic[] = [FACT_TOPIC, ...(Object.keys(STATE_TOPICS) as Topic[])];
const PATIENCE_MS = 900_000;
const MIB_MAX = 1024;
const LOOKS_MAX = 10;
/** From the start of the process; a busy machine takes seconds of it to load the program. */
const REFUSED_SECONDS_MAX = 20;
const [POSITION, LAG] = ["counterfoil_publisher_position", "counterfoil_publisher_lag_events"];

/** Eight starts of a broker take two to four minutes of a small machine: too long to go unasked. */
function whySkipped(): string | null {
  const asked = process.env.COUNTERFOIL_TEST_KAFKA_CLUSTER === "1";
  return asked ? missingForBroker() : "it takes minutes, COUNTERFOIL_TEST_KAFKA_CLUSTER=1 runs it";
}
const skipped = whySkipped();
const describeWithCluster = skipped === null ? describe : describe.skip;

const isInterruption = ({ msg }: LogLine) => msg === "publishing interrupted, trying again";

/** However long the publisher pauses between two attempts. */
async function untilMetric(address: string, name: string, isReached: (value: number) => boolean) {
  for (;;) {
    const value = await metric(address, name);
    if (value !== null && isReached(value)) return;
    await wait(100);
  }
}

type Use = () => Readonly<{
  cluster: TestCluster;
  service: RunningProcess;
  address: string;
  load: Load;
}>;

describeWithCluster(
  `three brokers with TLS and SASL${skipped === null ? "" : ` (SKIPPED: ${skipped})`}`,
  () => {
    let used: ReturnType<Use> | null = null;
    const use: Use = () => {
      if (used === null) throw new Error("the cluster runs only inside a test");
      return used;
    };
    beforeAll(async () => {
      const startedAtMs = performance.now();
      const cluster = await startCluster();
      const startMs = Math.round(performance.now() - startedAtMs);
      tell("a cluster of three", { startMs, mib: cluster.memory() });
      await grantPublisher(clientAs(cluster, "admin"), "publisher", PREFIX);
      const env = { ...configOf(newFolder()), ...environmentOf(cluster) };
      const service = startRole(["start"], env);
      const address = await addressOf(service);
      const { steps } = generateHistory({ seed: "cluster", deposits: 50_000, withdrawals: 50_000 });
      const webhooks = webhookDeliveries(steps);
      const load = startLoad({ webhooks, nextAddress: () => address, ratePerSecond: RATE });
      used = { cluster, service, address, load };
      await untilMetric(address, "counterfoil_publisher_facts_total", (facts) => facts > 0);
    }, PATIENCE_MS);
    afterAll(async () => {
      await endAllProcesses();
      await used?.cluster.dispose();
      removeFolders();
    }, PATIENCE_MS);

    testTopics(use);
    testRefusals(use);
    testKills(use);
  },
);

function environmentOf(cluster: TestCluster): Environment {
  return {
    COUNTERFOIL_KAFKA_BROKERS: cluster.addresses.join(","),
    COUNTERFOIL_KAFKA_TOPIC_PREFIX: PREFIX,
    COUNTERFOIL_KAFKA_TLS: "true",
    COUNTERFOIL_KAFKA_CA_FILE: cluster.caFile,
    COUNTERFOIL_KAFKA_USERNAME: "publisher",
    COUNTERFOIL_KAFKA_PASSWORD: cluster.passwordOf("publisher"),
  };
}

const clientAs = (cluster: TestCluster, user: ClusterUser) =>
  createClient({
    ...cluster.connectionAs(user),
    clientId: "test",
    logger: pino({ level: "silent" }),
  });

function testTopics(use: Use): void {
  test("topics have three copies, two of which must be written", async () => {
    const names = [...TOPICS.map((topic) => topicName(PREFIX, topic)), `${PREFIX}.publisher.v1`];
    const admin = clientAs(use().cluster, "admin").admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    const copies = topics.flatMap(({ partitions }) => partitions.map((one) => one.replicas.length));
    expect(new Set(copies)).toEqual(new Set([3]));
    const resources = names.map((name) => ({ type: TOPIC_RESOURCE, name }));
    const described = await admin.describeConfigs({ includeSynonyms: false, resources });
    const inSync = described.resources.map(
      ({ configEntries }) =>
        configEntries.find(({ configName }) => configName === "min.insync.replicas")?.configValue,
    );
    expect(inSync).toEqual(names.map(() => "2"));
    await admin.disconnect();
  });
}

/** What the protocol calls a topic. */
const TOPIC_RESOURCE = 2;

function testRefusals(use: Use): void {
  const strangeAuthority = () => {
    const file = join(newFolder(), "ca.pem");
    writeFileSync(file, rootCertificates[0] ?? "");
    return file;
  };
  test.each<[string, () => Environment, readonly string[], number]>([
    [
      "an authority that is not theirs",
      () => ({ COUNTERFOIL_KAFKA_CA_FILE: strangeAuthority() }),
      ["topics_unavailable", "COUNTERFOIL_KAFKA_CA_FILE", "certificate"],
      3,
    ],
    [
      "another password",
      () => ({ COUNTERFOIL_KAFKA_PASSWORD: "a-wrong-secret" }),
      ["topics_unavailable", "COUNTERFOIL_KAFKA_PASSWORD", "authentication failed"],
      3,
    ],
    [
      "another mechanism",
      () => ({ COUNTERFOIL_KAFKA_SASL: "plain" }),
      ["topics_unavailable", "COUNTERFOIL_KAFKA_SASL", "does not support"],
      3,
    ],
    [
      "no TLS",
      () => ({ COUNTERFOIL_KAFKA_TLS: "", COUNTERFOIL_KAFKA_CA_FILE: "" }),
      ["topics_unavailable", "COUNTERFOIL_KAFKA_BROKERS", "TLS"],
      3,
    ],
    [
      "topics that the user has no rights on",
      () => ({ COUNTERFOIL_KAFKA_TOPIC_PREFIX: "others" }),
      ["topics_misconfigured", "others.events.v1", "uthoriz"],
      1,
    ],
  ])("%s: refused within seconds, with the variable's name and no secret", async (...refused) => {
    const [, env, says, code] = refused;
    const { cluster } = use();
    const startedAtMs = performance.now();
    const base = { ...configOf(newFolder()), ...environmentOf(cluster) };
    const found = await runCommand(["publisher"], { ...base, ...env() });
    const output = found.stdout + found.stderr;
    for (const words of says) expect(output).toContain(words);
    expect(found.code).toBe(code);
    expect(output).not.toContain("-secret");
    expect((performance.now() - startedAtMs) / 1000).toBeLessThan(REFUSED_SECONDS_MAX);
  });
}

function testKills(use: Use): void {
  test(
    "killed one after another, then two at once: nothing is lost, nothing comes twice",
    async () => {
      const { cluster, service, address, load } = use();
      const downstream = await startDownstream(cluster.connectionAs("admin"), PREFIX);
      const timesMs = await killEach(use());
      await timesMs.of("two away, lag shows", async () => {
        const before = load.acknowledged.size;
        await cluster.kill(1, 2);
        await untilMetric(address, LAG, (lag) => lag > 10 * RATE);
        await service.whenLogged((line) => isInterruption(line) && Number(line.lag_events) > RATE);
        expect(load.acknowledged.size).toBeGreaterThan(before);
      });
      await timesMs.of("two back", () => cluster.resume(1, 2));
      await timesMs.of("nothing left", async () => {
        await load.finish();
        await whenCaughtUp(createApi(address));
        await untilMetric(address, LAG, (lag) => lag === 0);
      });
      const head = await headOf(address);
      await timesMs.of("all read downstream", () => downstream.whenRead(head));
      await downstream.stop();
      const counts = countsOf(use());
      tell("brokers killed", { ...timesMs.found, ...counts, head });
      // The client's own lines are none: one an attempt is ours.
      expect(counts.warnings).toBe(counts.interruptions);

      const shown = await statesOverHttp(address);
      const records = await published(cluster, head);
      expectAllFacts(records, head);
      expectRising(records);
      expect(lastStates(records)).toEqual(shown);
      const { facts, holes, states } = downstream.found();
      expect(holes).toEqual([]);
      expect([facts.length, new Set(facts.map(({ position }) => position)).size]).toEqual([
        head,
        head,
      ]);
      expect(states).toEqual(shown);
      expect([...load.statuses.keys()]).toEqual(["200"]);
      expect(cluster.memory()).toBeLessThan(MIB_MAX);
      expect(service.log()).not.toContain("-secret");
      expect(await stopRole(service)).toBe(0);
    },
    PATIENCE_MS,
  );
}

/** Every broker leads something, so that each of them is missed. */
async function killEach({ cluster, address }: ReturnType<Use>) {
  const timesMs = stopwatch();
  for (const node of NODES) {
    await timesMs.of(`${node} away, published on`, async () => {
      await cluster.kill(node);
      const head = await headOf(address);
      await untilMetric(address, POSITION, (position) => position > head);
    });
    await timesMs.of(`${node} back`, () => cluster.resume(node));
  }
  return timesMs;
}

function stopwatch() {
  const found: Record<string, number> = {};
  const of = async (what: string, work: () => Promise<unknown>) => {
    const startedAtMs = performance.now();
    await work();
    found[what] = Math.round(performance.now() - startedAtMs);
  };
  return { found, of };
}

async function headOf(address: string): Promise<number> {
  return Number((await createApi(address).get<StatusRecord>("/v1/status")).head);
}

const countsOf = ({ load, service, cluster }: ReturnType<Use>) => ({
  acknowledged: load.acknowledged.size,
  interruptions: service.log().split("publishing interrupted").length - 1,
  warnings: service.log().split('"level":"warn"').length - 1,
  mib: cluster.memory(),
});

/**
 * Everything that a consumer that reads committed is told. The last transaction is acknowledged a
 * moment before its end is written everywhere, so that a look may come too early.
 */
async function published(cluster: TestCluster, head: number) {
  const names = new Map(TOPICS.map((topic) => [topicName(PREFIX, topic), topic]));
  for (let looks = 1; ; looks += 1) {
    const found = await readCommitted(clientAs(cluster, "admin"), [...names.keys()]);
    const records = found.map((record) => ({ ...record, topic: names.get(record.topic) ?? "" }));
    const isAll = records.filter(({ topic }) => topic === FACT_TOPIC).length >= head;
    if (looks > 1 && (isAll || looks >= LOOKS_MAX)) return records;
  }
}
