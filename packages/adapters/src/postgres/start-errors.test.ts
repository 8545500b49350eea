import { once } from "node:events";
import { appendFileSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server as NetServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigurationInvalid } from "../config.ts";
import { LOCALHOST } from "../eventstore/testing/localhost-certificate.ts";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { checkServer } from "./client.ts";
import { openEventStream } from "./event-stream.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { createRoleLocks } from "./role-locks.ts";
import { describeOwnPostgres, fixtureOf } from "./testing/use-postgres.ts";

const PASSWORD = "5ecret-p%40ss";
const SECONDS_MAX = 8;

const open = (url: string, readOnly = false) =>
  openEventStream({ url, ledger: "default", hashing: nodeHashing, clock: systemClock, readOnly });

/** Fails within seconds, with a helpful message that does not contain the password. */
async function expectRefusal(url: string, words: readonly (string | RegExp)[]): Promise<void> {
  const started = performance.now();
  const error = await open(url).then(
    () => new Error("it was not refused"),
    (reason: unknown) => reason as Error,
  );
  expect(error).toBeInstanceOf(StreamUnavailable);
  for (const word of [...words, "COUNTERFOIL_POSTGRES_URL"]) expect(error.message).toMatch(word);
  for (const secret of ["5ecret", PASSWORD]) expect(error.message).not.toContain(secret);
  expect((performance.now() - started) / 1000).toBeLessThan(SECONDS_MAX);
}

describe("a URL that is none", () => {
  test.each([
    ["", "expected postgres://"],
    ["localhost:5432", "expected postgres://"],
    [`mysql://me:${PASSWORD}@localhost/db`, "expected postgres://"],
    [`postgres://me:${PASSWORD}@local host/db`, "expected postgres://"],
    [`postgres://me:${PASSWORD}@localhost/db?sslmode=allow`, "sslmode must be one of"],
    [`postgres://me:${PASSWORD}@localhost/db?sslmode=verify-ca`, "needs sslrootcert"],
  ])("%s", async (url, words) => {
    const opening = open(url);
    await expect(opening).rejects.toThrow(ConfigurationInvalid);
    await expect(opening).rejects.toThrow(words);
    await expect(opening).rejects.toThrow("COUNTERFOIL_POSTGRES_URL");
    await expect(opening).rejects.not.toThrow("5ecret");
    expect(() => openModelCatalogue({ url, ledger: "default" })).toThrow(words);
    expect(() => createRoleLocks({ url, ledger: "default" })).toThrow(words);
  });
});

describe("an address without PostgreSQL", () => {
  let silent: NetServer;
  let http: NetServer;
  beforeAll(async () => {
    silent = createServer(() => undefined).listen(0, "127.0.0.1");
    http = createHttpServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await Promise.all([once(silent, "listening"), once(http, "listening")]);
  });
  afterAll(() => {
    silent.close();
    http.close();
  });
  const at = (server: NetServer) => {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    return `postgres://me:${PASSWORD}@127.0.0.1:${port}/ledger`;
  };

  test("where nobody listens", async () => {
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const url = at(nobody);
    nobody.close();
    await once(nobody, "close");
    await expectRefusal(url, ["ECONNREFUSED", "start the server"]);
  });

  test("a host that has no address", () =>
    expectRefusal(`postgres://me:${PASSWORD}@nowhere.invalid/ledger`, ["nowhere.invalid"]));

  test("a server that accepts and never answers", () =>
    expectRefusal(at(silent), ["timeout", "look after the server"]));

  test("another service's port", () => expectRefusal(at(http), ["PostgreSQL at 127.0.0.1"]));
});

describeOwnPostgres(
  "a PostgreSQL that does not fit",
  (use) => {
    const query = (sql: string) => fixtureOf(use().url).query(sql);
    const as = (user: string, rest = "/postgres") =>
      `postgres://${user}:${PASSWORD}@127.0.0.1:${use().port}${rest}`;

    beforeAll(async () => {
      await query("CREATE ROLE careless LOGIN; ALTER ROLE careless SET synchronous_commit = off");
      await query("CREATE ROLE guarded LOGIN PASSWORD 'another'");
      await query("CREATE ROLE stranger LOGIN");
      await query("ALTER ROLE careless SET search_path = public");
      await query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
      await query("CREATE DATABASE frozen");
      await query("ALTER DATABASE frozen SET default_transaction_read_only = on");
      const rules = join(use().dataDir, "pg_hba.conf");
      const before = readFileSync(rules, "utf8");
      const ours = "host all guarded all scram-sha-256\nhost all stranger all reject\n";
      writeFileSync(rules, ours + before);
      use().reload();
    });

    const CAUSES: readonly (readonly [string, () => string, readonly (string | RegExp)[]])[] = [
      ["a wrong password", () => as("guarded"), [/password/]],
      ["a user who is not let in", () => as("stranger"), [/pg_hba|rejects/]],
      ["a user who is not there", () => as("nobody"), ["nobody"]],
      [
        "a database that is missing",
        () => as("postgres", "/none"),
        ["none", "create the database"],
      ],
      ["synchronous_commit off for the role", () => as("careless"), [/synchronous_commit is off/]],
      ["an encoding that loses text", () => as("postgres", "/latin"), ["LATIN1", "UTF8"]],
      ["a database that is read-only", () => as("postgres", "/frozen"), ["read-only", "writable"]],
      [
        "TLS that the server does not have",
        () => as("postgres", "/postgres?sslmode=require"),
        [/SSL/, "sslmode"],
      ],
    ];
    test.each(CAUSES)("%s", (_, url, words) => expectRefusal(url(), words));

    test("fsync off for the server", async () => {
      const set = async (value: string) => {
        await query(`ALTER SYSTEM SET fsync = ${value}`);
        use().reload();
        while ((await query("SHOW fsync"))[0]?.fsync !== value) await wait(10);
      };
      await set("off");
      await expectRefusal(use().url, ["fsync is off, so that what is acknowledged may be lost"]);
      await set("on");
      await (await open(use().url)).close();
    });

    test("a certificate that nobody vouches for, where it is to be checked", async () => {
      const { dataDir } = use();
      makeCertificate(dataDir);
      appendFileSync(join(dataDir, "postgresql.conf"), "ssl = on\n");
      use().reload();
      await expectRefusal(as("postgres", "/postgres?sslmode=verify-full"), [
        /certificate/,
        "sslrootcert",
      ]);
      await (await open(as("postgres", "/postgres?sslmode=require"))).close();
    });

    test("a server that is too old, or a standby", async () => {
      const answering = (...row: string[]) =>
        ({ query: async () => ({ rows: [row] }) }) as unknown as Parameters<typeof checkServer>[0];
      await expect(
        checkServer(answering("140011", "f", "off", "UTF8", "on", "on"), "read"),
      ).rejects.toThrow("version 14");
      const standby = answering("160002", "t", "off", "UTF8", "on", "on");
      await expect(checkServer(standby, "write")).rejects.toThrow("standby");
      await checkServer(standby, "read");
    });

    test("too many connections", async () => {
      const streams = await Promise.allSettled(Array.from({ length: 12 }, () => open(use().url)));
      const refused = streams.filter(({ status }) => status === "rejected");
      expect(refused.length).toBeGreaterThan(0);
      for (const result of refused) {
        expect(String((result as PromiseRejectedResult).reason)).toContain("max_connections");
      }
      for (const result of streams) if (result.status === "fulfilled") await result.value.close();
    });
  },
  ["max_connections=10"],
);

function makeCertificate(folder: string): void {
  const { uid, gid } = statSync(folder);
  for (const [name, text] of [
    ["server.key", LOCALHOST.key],
    ["server.crt", LOCALHOST.cert],
  ] as const) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    chownSync(join(folder, name), uid, gid);
  }
}
