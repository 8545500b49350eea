import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe } from "@jest/globals";
import pg from "pg";
import { findPostgres, startThrowAwayServer, type ThrowAwayServer } from "./throw-away-server.ts";

/** A given server is used as it is: tests do not stop it or change its files. */
const GIVEN = process.env.COUNTERFOIL_TEST_POSTGRES_URL;

type PostgresFixture = Readonly<{
  url: string;
  /** A unique name, so that tests can share a database. */
  newLedger(): string;
  /** Runs SQL as the superuser, independently of the program. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
}>;

/** Defines tests on the given server or on their own; if there is neither, they are skipped by name. */
export function describePostgres(name: string, define: (use: () => PostgresFixture) => void): void {
  if (GIVEN !== undefined && GIVEN !== "") {
    describe(name, () => define(() => fixtureOf(GIVEN)));
    return;
  }
  describeOwnPostgres(name, (use) => define(() => fixtureOf(use().url)));
}

/** Defines tests that need a server which they can stop, freeze and configure. */
export function describeOwnPostgres(
  name: string,
  define: (use: () => ThrowAwayServer) => void,
  settings: readonly string[] = [],
): void {
  const binDir = findPostgres();
  if (binDir === null) {
    describe.skip(`${name} (SKIPPED: no initdb on PATH; install PostgreSQL)`, () =>
      define(() => {
        throw new Error("no PostgreSQL");
      }));
    return;
  }
  describe(name, () => {
    let server: ThrowAwayServer | null = null;
    beforeAll(async () => {
      server = await startThrowAwayServer(binDir, settings);
    });
    afterAll(() => server?.dispose());
    define(() => {
      if (server === null) throw new Error("the server runs only during the tests");
      return server;
    });
  });
}

export function fixtureOf(url: string): PostgresFixture {
  return {
    url,
    newLedger: () => `t${randomUUID().replaceAll("-", "").slice(0, 16)}`,
    query: (sql) => queryOnce(url, sql),
  };
}

export async function queryOnce(
  url: string,
  sql: string,
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
