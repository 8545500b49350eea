import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import {
  describeOwnPostgres,
  queryOnce,
} from "@counterfoil/adapters/postgres/testing/use-postgres";
import { freePorts } from "@counterfoil/adapters/testing/free-ports";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  isReady,
  runCommand,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { sendScenario } from "../e2e/support/send.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { type BadServer, startSilentServer, startWebServer } from "./bad-servers.ts";

const POSTGRES = "COUNTERFOIL_POSTGRES_URL";
const EVENTSTORE = "COUNTERFOIL_EVENTSTORE_URL";
const BROKERS = "COUNTERFOIL_KAFKA_BROKERS";
const PASSWORD = "hunter2-5ecret";
/** From the start of the process; a busy machine takes seconds of it to load the program. */
const SECONDS_MAX = 20;
/** As of `services/counterfoil/src/error-report.ts`. */
const [USAGE, UNAVAILABLE] = [2, 3];

let web: BadServer;
let silent: BadServer;
let nobody: number;

beforeAll(async () => {
  [web, silent, nobody] = [await startWebServer(), await startSilentServer(), await freePorts()];
});
afterEach(endAllProcesses);
afterAll(async () => {
  await Promise.all([web.close(), silent.close()]);
  removeFolders();
});

type Refusal = Readonly<{
  what: string;
  args?: readonly string[];
  env: () => Environment;
  says: readonly (string | RegExp)[];
  code?: number;
}>;

const as = (user: string, port: number, database = "postgres") =>
  `postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${database}`;
const eventstoreAt = (port: number) => `esdb://admin:${PASSWORD}@127.0.0.1:${port}?tls=false`;

async function expectRefusal({ args = ["start"], env, says, code = UNAVAILABLE }: Refusal) {
  const startedAtMs = performance.now();
  const refused = await runCommand(args, { ...configOf(newFolder()), ...env() });
  const output = refused.stdout + refused.stderr;
  for (const words of says) expect(output).toMatch(words);
  expect(refused.code).toBe(code);
  expect(output).not.toContain(PASSWORD);
  expect(output).not.toMatch(/^\s+at /m);
  expect((performance.now() - startedAtMs) / 1000).toBeLessThan(SECONDS_MAX);
}

const HALF_SET: readonly Refusal[] = [
  {
    what: "an event store without PostgreSQL",
    env: () => ({ [EVENTSTORE]: eventstoreAt(nobody) }),
    says: ["configuration_invalid", EVENTSTORE, POSTGRES],
  },
  {
    what: "a topic prefix without brokers",
    env: () => ({ COUNTERFOIL_KAFKA_TOPIC_PREFIX: "books" }),
    says: ["configuration_invalid", "COUNTERFOIL_KAFKA_TOPIC_PREFIX", BROKERS],
  },
  {
    what: "a Kafka user without a password",
    env: () => ({ [BROKERS]: "127.0.0.1:9092", COUNTERFOIL_KAFKA_USERNAME: "someone" }),
    says: ["configuration_invalid", "COUNTERFOIL_KAFKA_USERNAME", "COUNTERFOIL_KAFKA_PASSWORD"],
  },
  {
    what: "a Kafka password without a user",
    env: () => ({ [BROKERS]: "127.0.0.1:9092", COUNTERFOIL_KAFKA_PASSWORD: PASSWORD }),
    says: ["configuration_invalid", "COUNTERFOIL_KAFKA_USERNAME", "COUNTERFOIL_KAFKA_PASSWORD"],
  },
  {
    what: "brokers that are no addresses",
    env: () => ({ [BROKERS]: "kafka" }),
    says: ["configuration_invalid", BROKERS, "host:port"],
  },
  {
    what: "a publisher without brokers",
    args: ["publisher"],
    env: () => ({}),
    says: ["configuration_invalid", BROKERS],
  },
  {
    what: "a PostgreSQL URL of another kind",
    env: () => ({ [POSTGRES]: `mysql://me:${PASSWORD}@127.0.0.1/ledger` }),
    says: ["configuration_invalid", POSTGRES, "postgres://"],
  },
  {
    what: "an event store URL of another kind",
    env: () => ({ [EVENTSTORE]: `http://me:${PASSWORD}@127.0.0.1`, [POSTGRES]: as("me", nobody) }),
    says: ["configuration_invalid", EVENTSTORE, "esdb://"],
  },
];

describe("what is set by half or is no address ends at once", () => {
  test.each(HALF_SET)("$what", (refusal) => expectRefusal({ ...refusal, code: USAGE }));
});

const NO_POSTGRES: readonly Refusal[] = [
  {
    what: "a port where nobody listens",
    env: () => ({ [POSTGRES]: as("me", nobody) }),
    says: ["stream_unavailable", POSTGRES, "start the server"],
  },
  {
    what: "the port of a web server",
    env: () => ({ [POSTGRES]: as("me", web.port) }),
    says: ["stream_unavailable", POSTGRES],
  },
  {
    what: "a server that accepts and never answers",
    env: () => ({ [POSTGRES]: as("me", silent.port) }),
    says: ["stream_unavailable", POSTGRES, "timeout"],
  },
];

describe("no PostgreSQL", () => {
  test.each(NO_POSTGRES)("$what", expectRefusal);
});

describeOwnPostgres("a PostgreSQL, but", (use) => {
  beforeAll(async () => {
    const { url, dataDir } = use();
    await queryOnce(url, "CREATE ROLE guarded LOGIN PASSWORD 'another'");
    const rules = join(dataDir, "pg_hba.conf");
    const before = readFileSync(rules, "utf8");
    writeFileSync(rules, "host all guarded all scram-sha-256\n");
    appendFileSync(rules, before);
    use().reload();
  });

  const WRONG: readonly Refusal[] = [
    {
      what: "another password",
      env: () => ({ [POSTGRES]: as("guarded", use().port) }),
      says: ["stream_unavailable", POSTGRES, /password/],
    },
    {
      what: "no such database",
      env: () => ({ [POSTGRES]: as("postgres", use().port, "nowhere") }),
      says: ["stream_unavailable", POSTGRES, "nowhere", "create the database"],
    },
    {
      what: "no event store where one is named",
      env: () => ({ [EVENTSTORE]: eventstoreAt(nobody), [POSTGRES]: use().url }),
      says: ["stream_unavailable", EVENTSTORE],
    },
    {
      what: "a web server for an event store",
      env: () => ({ [EVENTSTORE]: eventstoreAt(web.port), [POSTGRES]: use().url }),
      says: ["stream_unavailable", EVENTSTORE],
    },
    {
      what: "an event store that accepts and never answers",
      env: () => ({ [EVENTSTORE]: eventstoreAt(silent.port), [POSTGRES]: use().url }),
      says: ["stream_unavailable", EVENTSTORE],
    },
  ];
  test.each(WRONG)("$what", expectRefusal);

  /** A broker that is away must not keep money out: it is told, and tried again. */
  const NO_BROKER: readonly (readonly [string, () => number])[] = [
    ["nobody listens", () => nobody],
    ["a web server", () => web.port],
    ["it accepts and never answers", () => silent.port],
  ];
  test.each(NO_BROKER)(
    "no broker (%s): webhooks are taken, and the log says so",
    async (_, port) => {
      const service = startRole(["start"], {
        ...configOf(newFolder()),
        [POSTGRES]: await newDatabase(use().url),
        [BROKERS]: `127.0.0.1:${port()}`,
        COUNTERFOIL_KAFKA_USERNAME: "someone",
        COUNTERFOIL_KAFKA_PASSWORD: PASSWORD,
      });
      const address = await addressOf(service);
      const told = await service.whenLogged(
        ({ msg }) => msg === "publishing interrupted, trying again",
      );
      expect(JSON.stringify(told)).toContain(`127.0.0.1:${port()}`);
      expect(JSON.stringify(told)).toContain(BROKERS);
      expect((await sendScenario("trade-status", address)).refused).toBe(0);
      expect((await fetch(`${address}/readyz`)).status).toBe(200);
      expect(service.log()).not.toContain(PASSWORD);
      const ready = await service.whenLogged(isReady);
      const seconds = (Date.parse(String(told.time)) - Date.parse(String(ready.time))) / 1000;
      expect(seconds).toBeLessThan(SECONDS_MAX);
      expect(await stopRole(service)).toBe(0);
    },
  );
});
