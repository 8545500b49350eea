import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import {
  describeOwnPostgres,
  fixtureOf,
} from "@counterfoil/adapters/postgres/testing/use-postgres";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "../e2e/support/api.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { sendScenario } from "../e2e/support/send.ts";
import { configOf } from "../e2e/support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const ROUTES = [
  "/v1/balances",
  "/v1/withdrawals",
  "/v1/deposits",
  "/v1/anomalies",
  "/v1/quarantine",
  "/v1/events",
  "/v1/status",
  "/v1/balances?known_at=2030-01-01T00:00:00Z",
];
const READERS = 200;
/** Of docs/running.md; 53 were seen. */
const CONNECTIONS_MAX = 70;

describeOwnPostgres("the connections of a service on PostgreSQL", (use) => {
  test("stay below what docs/running.md says, whoever asks", async () => {
    const url = await newDatabase(use().url);
    const database = new URL(url).pathname.slice(1);
    const role = startRole(["start"], {
      ...configOf(newFolder()),
      COUNTERFOIL_POSTGRES_URL: url,
    });
    const address = await addressOf(role);
    await sendScenario("balances-feed-use-cases", address);
    await whenFolded(createApi(address));
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const [row] = await fixtureOf(use().url).query(
          `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${database}'`,
        );
        most = Math.max(most, Number(row?.n));
      }
    })();
    const statuses: number[] = [];
    const reading = Array.from({ length: READERS }, async (_, at) => {
      for (let round = 0; round < 5; round += 1) {
        const answer = await fetch(address + ROUTES[(at + round) % ROUTES.length]);
        statuses.push(answer.status);
        await answer.text();
      }
    });
    await Promise.all([...reading, sendScenario("balances-feed-use-cases", address)]);
    isOver = true;
    await watching;
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(CONNECTIONS_MAX);
    expect(await stopRole(role)).toBe(0);
  });
});
