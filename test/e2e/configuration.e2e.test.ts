import { readdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type Environment, endAllProcesses, runCommand } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";

const taken: Server = createServer();

beforeAll(async () => {
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});
afterEach(endAllProcesses);
afterAll(async () => {
  await new Promise((resolve) => taken.close(resolve));
  removeFolders();
});

const portOf = (server: Server) => String((server.address() as AddressInfo).port);

type Case = Readonly<{ what: string; env: () => Environment; says: readonly string[] }>;

const REFUSED: readonly Case[] = [
  {
    what: "a variable that does not exist",
    env: () => ({ COUNTERFOIL_HTTP_PROT: "8080" }),
    says: ["configuration_invalid", "COUNTERFOIL_HTTP_PROT", "did you mean COUNTERFOIL_HTTP_PORT?"],
  },
  {
    what: "a port that is none",
    env: () => ({ COUNTERFOIL_HTTP_PORT: "70000" }),
    says: ["configuration_invalid", 'COUNTERFOIL_HTTP_PORT is "70000"', "expected a port number"],
  },
  {
    what: "a feed that is set by half",
    env: () => ({ COUNTERFOIL_ZEROHASH_FEED_URL: "wss://feed.example" }),
    says: [
      "configuration_invalid",
      "COUNTERFOIL_ZEROHASH_FEED_KEY",
      "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
      "COUNTERFOIL_ZEROHASH_FEED_SECRET",
    ],
  },
  {
    what: "a certificate without its key",
    env: () => ({ COUNTERFOIL_HTTP_TLS_CERT_FILE: "/nowhere/cert.pem" }),
    says: ["configuration_invalid", "COUNTERFOIL_HTTP_TLS_KEY_FILE"],
  },
  {
    what: "a secret's file that is not there",
    env: () => ({ COUNTERFOIL_ZEROHASH_FEED_SECRET_FILE: "/nowhere/secret" }),
    says: ["configuration_invalid", "COUNTERFOIL_ZEROHASH_FEED_SECRET_FILE", "ENOENT"],
  },
  {
    what: "unsigned webhooks let in from elsewhere",
    env: () => ({
      COUNTERFOIL_HTTP_HOST: "0.0.0.0",
      COUNTERFOIL_ALLOW_UNAUTHENTICATED: "true",
      COUNTERFOIL_ALLOW_UNSIGNED: "true",
    }),
    says: ["configuration_invalid", "COUNTERFOIL_ALLOW_UNSIGNED"],
  },
  {
    what: "a key that cannot be read",
    env: () => ({ COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: "hunter2" }),
    says: ["configuration_invalid", "COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY"],
  },
  {
    what: "a feed's secret that is none",
    env: () => ({
      COUNTERFOIL_ZEROHASH_FEED_URL: "wss://feed.example",
      COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
      COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
      COUNTERFOIL_ZEROHASH_FEED_SECRET: "hunter2!",
    }),
    says: ["configuration_invalid", "COUNTERFOIL_ZEROHASH_FEED_SECRET", "base64"],
  },
  {
    what: "brokers with a password",
    env: () => ({ COUNTERFOIL_KAFKA_BROKERS: "me:hunter2@kafka:9092" }),
    says: ["configuration_invalid", "COUNTERFOIL_KAFKA_BROKERS", "expected host:port"],
  },
  {
    what: "authorities of the brokers that cannot be read",
    env: () => ({
      COUNTERFOIL_KAFKA_BROKERS: "kafka:9092",
      COUNTERFOIL_KAFKA_TLS: "true",
      COUNTERFOIL_KAFKA_CA_FILE: "/nowhere/ca.pem",
    }),
    says: ["configuration_invalid", "COUNTERFOIL_KAFKA_CA_FILE"],
  },
  {
    what: "a ledger named like a folder of the data folder",
    env: () => ({ COUNTERFOIL_LEDGER: "locks" }),
    says: ["configuration_invalid", "COUNTERFOIL_LEDGER"],
  },
  ...["/proc/1/nowhere", "/dev/null", "/dev/null/below", `/tmp/${"n".repeat(300)}`].map(
    (folder) => ({
      what: `a data folder that cannot be: ${folder.slice(0, 20)}`,
      env: () => ({ COUNTERFOIL_DATA_DIR: folder }),
      says: ["configuration_invalid", "COUNTERFOIL_DATA_DIR", folder],
    }),
  ),
  {
    what: "a port that is taken",
    env: () => ({ COUNTERFOIL_HTTP_PORT: portOf(taken) }),
    says: ["port_in_use", "127.0.0.1:", "COUNTERFOIL_HTTP_PORT"],
  },
];

describe("start refuses, with exit code 2, no stack trace and no secret", () => {
  test.each(REFUSED)("$what", async ({ env, says }) => {
    const folder = newFolder();
    const base = { COUNTERFOIL_DATA_DIR: folder, COUNTERFOIL_HTTP_PORT: "0" };
    const { code, stdout, stderr } = await runCommand(["start"], { ...base, ...env() });
    expect(code).toBe(2);
    for (const words of says) expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr + stdout).not.toContain("hunter2");
    // Whether a port is free is known once everything else is there.
    if (!says.includes("port_in_use")) expect(readdirSync(folder)).toEqual([]);
  });
});

test.each(["start", "ingestor", "gateway", "projector"])(
  "%s says which limit of the system is too low, and ends",
  async (role) => {
    const env = { COUNTERFOIL_DATA_DIR: newFolder() };
    const { code, stderr } = await runCommand([role], env, { openFiles: 64 });
    expect(code).toBe(2);
    for (const words of ["64 files", "256", "ulimit -n"]) expect(stderr).toContain(words);
  },
);

test("every problem is named at once, and no secret is repeated", async () => {
  const { code, stderr } = await runCommand(["start"], {
    COUNTERFOIL_DATA_DIR: newFolder(),
    COUNTERFOIL_REJECT_STALE: "maybe",
    COUNTERFOIL_ZEROHASH_FEED_SECRET: "hunter2",
    COUNTERFOIL_ZEROHASH_WEBHOOK_SECRT: "hunter2",
  });
  expect(code).toBe(2);
  expect(stderr).toContain("COUNTERFOIL_REJECT_STALE");
  expect(stderr).toContain("COUNTERFOIL_ZEROHASH_FEED_URL");
  expect(stderr).toContain("COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET?");
  expect(stderr).not.toContain("hunter2");
});

describe("the command line", () => {
  test.each([
    { args: ["statu"], says: "Did you mean status?" },
    { args: ["status", "--jsno"], says: "Did you mean --json?" },
    { args: ["rebuild", "balance"], says: "expected one of balances" },
    { args: ["rebuild"], says: "missing required argument" },
    { args: ["projector", "--model", "ledgers"], says: "expected one of balances" },
    { args: ["status", "now"], says: "too many arguments" },
  ])("refuses $args with a suggestion", async ({ args, says }) => {
    const { code, stderr } = await runCommand(args, { COUNTERFOIL_DATA_DIR: newFolder() });
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });

  test("says that there is no ledger yet, with exit code 3", async () => {
    const { code, stderr } = await runCommand(["status"], { COUNTERFOIL_DATA_DIR: newFolder() });
    expect(code).toBe(3);
    expect(stderr).toContain("stream_unavailable");
  });
});
