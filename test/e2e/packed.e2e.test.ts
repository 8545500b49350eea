import { execFile } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, startRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Programs of Node without an install script, one a platform. */
const NODE = `node-${process.platform}-${process.arch}`;
const VERSIONS = ["20", "22", "24"];
const run = promisify(execFile);

const missing = missingForBroker();
const testWithBroker = missing === null ? test : test.skip;

let broker: TestBroker | undefined;
let project: string;
let address: string;

beforeAll(async () => {
  if (missing === null) broker = await startBroker();
  const kafka = broker === undefined ? {} : { COUNTERFOIL_KAFKA_BROKERS: broker.address };
  const service = startRole(["start"], { ...configOf(newFolder()), ...kafka });
  address = await addressOf(service);
  await sendScenario("layer1-deposit", address);
  await whenFolded(createApi(address));
  project = await newProject();
});
afterAll(async () => {
  await endAllProcesses();
  await broker?.dispose();
  removeFolders();
});

/** A folder outside of the workspace, with the two packages as they would be published. */
async function newProject(): Promise<string> {
  const folder = newFolder();
  for (const name of ["consumer-kit", "client"]) {
    const cwd = join(ROOT, "packages", name);
    await run("npx", ["-y", "pnpm@10", "pack", "--pack-destination", folder], { cwd });
  }
  const packed = readdirSync(folder).map((file) => `./${file}`);
  expect(packed).toHaveLength(2);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  const nodes = VERSIONS.map((version) => `node${version}@npm:${NODE}@${version}`);
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", [...args, "kafkajs@2.2.4", ...packed, ...nodes], { cwd: folder });
  return folder;
}

const nodeOf = (version: string) => join(project, "node_modules", `node${version}`, "bin/node");

async function play(version: string, script: string) {
  const file = join(project, `script-${version}.mjs`);
  writeFileSync(file, script);
  const { stdout } = await run(nodeOf(version), [file], { cwd: project, timeout: 60_000 });
  return JSON.parse(stdout);
}

const READ_BALANCES = (baseUrl: string) => `
import { createClient, ProblemError } from "@counterfoil/client";
const client = createClient({ baseUrl: ${JSON.stringify(baseUrl)} });
const pages = [];
for await (const { data } of client.listBalances({ limit: 1 })) pages.push(data);
const [{ id }] = pages.flat();
const { data: account } = await client.getAccount({ id });
const { data: events } = await client.listEvents({ types: "DeliveryReceived" });
const bytes = await client.getDeliveryBody({ id: events[0].id });
const refusal = await client.getAccount({ id: "nobody" }).then(() => null, (error) => error);
console.log(JSON.stringify({
  node: process.versions.node,
  pages,
  account: account.balance,
  body: JSON.parse(new TextDecoder().decode(bytes)) !== null,
  metrics: (await client.getMetrics()).includes("process_cpu_seconds_total"),
  refusal: [refusal instanceof ProblemError, refusal.status, refusal.code],
}));
`;

const READ_TOPICS = (brokerAddress: string) => `
import { consume } from "@counterfoil/consumer-kit/consume";
import kafkajs from "kafkajs";
const kafka = new kafkajs.Kafka({ brokers: [${JSON.stringify(brokerAddress)}], logLevel: 0 });
const facts = [];
await new Promise(async (resolve) => {
  const consuming = await consume({
    kafka,
    topics: ["events", "balances"],
    onFact: ({ event }) => { facts.push(event.position); },
    onChange: () => {},
    onCaughtUp: async () => {
      const balances = consuming.states.records("balances").map(({ id, balance }) => [id, balance]);
      console.log(JSON.stringify({ facts: facts.length, balances: balances.sort() }));
      await consuming.stop();
      resolve();
    },
  });
});
`;

const TYPED = `
import { type AnswerOf, createClient } from "@counterfoil/client";
import { consume } from "@counterfoil/consumer-kit/consume";
import { Kafka } from "kafkajs";

const client = createClient({ baseUrl: "http://127.0.0.1:8080", key: "a key" });
export async function sum(): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const page of client.listBalances({ asset: "BTC" })) {
    for (const { balance } of page.data) if (balance !== null) all.push(balance);
  }
  const account: AnswerOf<"getAccount"> = await client.getAccount({ id: "x" });
  // @ts-expect-error an operation's parameters are its own
  await client.getAccount({ id: "x", asset: "BTC" });
  return [...all, account.data.id];
}
export const reading = () =>
  consume({
    kafka: new Kafka({ brokers: [] }),
    topics: ["withdrawals"],
    onChange: (change) => console.log(change.topic === "withdrawals" && change.after?.stage),
  });
`;

describe("installed in a fresh project", () => {
  test.each(VERSIONS)("the client reads balances, on Node %s", async (version) => {
    const api = createApi(address);
    const balances = await api.get<readonly { balance: string }[]>("/v1/balances", {});
    expect(balances.length).toBeGreaterThan(0);
    const { node, ...answer } = await play(version, READ_BALANCES(address));
    expect(node).toMatch(new RegExp(`^${version}\\.`));
    expect(answer).toEqual({
      pages: [...balances.map((one) => [one]), ...(answer.pages.at(-1).length === 0 ? [[]] : [])],
      account: balances[0]?.balance,
      body: true,
      metrics: true,
      refusal: [true, 404, "not_found"],
    });
  });

  testWithBroker.each(VERSIONS)("the kit reads the topics, on Node %s", async (version) => {
    const api = createApi(address);
    const balances = await api.get<readonly { id: string; balance: string }[]>("/v1/balances", {});
    const answer = await play(version, READ_TOPICS(broker?.address ?? ""));
    expect(answer.facts).toBeGreaterThan(0);
    expect(answer.balances).toEqual(balances.map(({ id, balance }) => [id, balance]).sort());
  });

  test("both say their types to a compiler", async () => {
    writeFileSync(join(project, "typed.ts"), TYPED);
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
    await run(
      process.execPath,
      [
        tsc,
        ...flags,
        "--types",
        "node",
        "--typeRoots",
        join(ROOT, "node_modules/@types"),
        "typed.ts",
      ],
      { cwd: project },
    );
  });
});
