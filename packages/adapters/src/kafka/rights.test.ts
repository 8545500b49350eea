import { topicName } from "@counterfoil/contracts/kafka";
import { NotAuthorized } from "@counterfoil/processing/ports/topics";
import { fact, state } from "@counterfoil/processing/testing/topics.contract";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from "kafkajs";
import { pino } from "pino";
import { createClient } from "./client.ts";
import { missingForBroker, startBroker, type TestBroker } from "./testing/broker.ts";
import { createKafkaTopics } from "./topics.ts";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const TITLE = `access rules of a real broker${missing === null ? "" : `: skipped, ${missing}`}`;

const PREFIX = "ledger";
const [EVENTS, BALANCES] = [topicName(PREFIX, "events"), topicName(PREFIX, "balances")];
const CHECKPOINTS = `${PREFIX}.publisher.v1`;

/** Everything is allowed to the one user, whom nobody authenticates, but what a rule denies. */
const SETTINGS = [
  "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "allow.everyone.if.no.acl.found=true",
];

const { TOPIC, GROUP, TRANSACTIONAL_ID } = AclResourceTypes;
const { ALL, DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE } = AclOperationTypes;

describeWithBroker(TITLE, () => {
  let broker: TestBroker;
  let admin: Admin;
  const logger = pino({ level: "silent" });
  const open = () =>
    createKafkaTopics({ brokers: [broker.address], prefix: PREFIX, logger, partitions: 1 }).open();
  const transaction = (value: string) => ({
    records: [fact("a", 1), state("a", 1)],
    checkpoint: value,
  });

  beforeAll(async () => {
    broker = await startBroker({ settings: SETTINGS });
    admin = createClient({ brokers: [broker.address], clientId: "test", logger }).admin();
    await admin.connect();
    const publisher = await open();
    await publisher.publish(transaction("1"));
    await publisher.close();
  });
  afterAll(async () => {
    await admin?.disconnect();
    await broker?.dispose();
  });

  const ruleOf = (
    resourceType: number,
    resourceName: string,
    operation: number,
    isDenied: boolean,
  ) => ({
    ...{ resourceType, resourceName, operation, principal: "User:ANONYMOUS", host: "*" },
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    permissionType: isDenied ? AclPermissionTypes.DENY : AclPermissionTypes.ALLOW,
  });

  /** Denies an operation while the work runs; a rule for a resource ends what is allowed by default. */
  async function whileDenied<T>(
    [type, name, operation]: readonly [number, string, number],
    work: () => Promise<T>,
  ): Promise<T> {
    const acl = [ruleOf(type, name, ALL, false), ruleOf(type, name, operation, true)];
    await admin.createAcls({ acl });
    try {
      return await work();
    } finally {
      await admin.deleteAcls({ filters: acl });
    }
  }

  async function refusalOf(work: () => Promise<unknown>): Promise<string> {
    const error: unknown = await work().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotAuthorized);
    return (error as Error).message;
  }

  test.each<[string, readonly [number, string, number], string]>([
    ["a hidden topic", [TOPIC, BALANCES, DESCRIBE], `describe ${BALANCES}`],
    [
      "a topic's settings",
      [TOPIC, EVENTS, DESCRIBE_CONFIGS],
      `describe the settings of ${EVENTS} (DescribeConfigs)`,
    ],
    ["the checkpoints", [TOPIC, CHECKPOINTS, READ], `read ${CHECKPOINTS}`],
    [
      "the readers' group",
      [GROUP, PREFIX, ALL],
      `read as a group whose name begins with ${CHECKPOINTS}-reader-`,
    ],
    [
      "the transactional id",
      [TRANSACTIONAL_ID, PREFIX, ALL],
      `write with the transactional id ${PREFIX}.publisher`,
    ],
    [
      "writing with the transactional id",
      [TRANSACTIONAL_ID, PREFIX, WRITE],
      `write with the transactional id ${PREFIX}.publisher`,
    ],
  ])("name %s at opening, within seconds", async (_, denied, right) => {
    const startedAtMs = performance.now();
    const message = await whileDenied(denied, () => refusalOf(open));
    expect(message).toContain(`: not authorised to ${right}: grant it to the publisher's user`);
    expect(message).not.toContain("COUNTERFOIL_KAFKA_BROKERS");
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
    await (await open()).close();
  });

  test.each<[string, readonly [number, string, number], string]>([
    ["a topic that may not be written", [TOPIC, BALANCES, WRITE], `write ${BALANCES}`],
    ["the checkpoints", [TOPIC, CHECKPOINTS, WRITE], `write ${CHECKPOINTS}`],
  ])("name %s while publishing, and nothing of it is published", async (_, denied, right) => {
    const publisher = await open();
    const publish = () => publisher.publish(transaction("never"));
    const message = await whileDenied(denied, () => refusalOf(publish));
    expect(message).toContain(`publishing: not authorised to ${right}: grant it`);
    await publisher.close();
    const next = await open();
    expect(next.checkpoint).toBe("1");
    await next.close();
  });

  test("name the hidden topics while publishing", async () => {
    const publisher = await open();
    const publish = () => publisher.publish(transaction("never"));
    const denied = [TOPIC, BALANCES, ALL] as const;
    expect(await whileDenied(denied, () => refusalOf(publish))).toContain(
      `publishing: not authorised to describe ${BALANCES}: grant it`,
    );
    await publisher.close();
  });
});
