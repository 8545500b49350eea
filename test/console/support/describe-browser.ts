import { existsSync } from "node:fs";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { describe, test } from "@jest/globals";
import type { Environment } from "../../e2e/support/counterfoil.ts";
import { CHROMIUM } from "./browser.ts";

const hasBrowser = existsSync(CHROMIUM);

/** Suites that need a real browser, skipped by name where there is none. */
export const describeBrowser = hasBrowser ? describe : describe.skip;

type Engine = "SQLite" | "PostgreSQL";
/** The configuration of a new, empty place for a ledger. */
type NewLedger = () => Promise<Environment>;

/** A suite in a real browser on every engine; skipped by name where a browser or a server is missing. */
export function describeConsole(
  name: string,
  define: (newLedger: NewLedger, engine: Engine) => void,
): void {
  describeBrowser(`${name}, on SQLite (needs Chromium)`, () => define(async () => ({}), "SQLite"));
  const onPostgres = `${name}, on PostgreSQL (needs Chromium)`;
  const describeServer = hasBrowser ? describePostgres : skipServer;
  describeServer(onPostgres, (use) =>
    define(async () => ({ COUNTERFOIL_POSTGRES_URL: await newDatabase(use().url) }), "PostgreSQL"),
  );
}

const skipServer: typeof describePostgres = (name) => describe.skip(name, () => test.todo("all"));
