import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { until } from "../e2e/support/api.ts";
import {
  addressOf,
  endAllProcesses,
  isReady,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { configOf } from "../e2e/support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

/** The budget of a request, and room for a busy machine. */
const SECONDS_MAX = 25;

const PATHS = [
  "/v1/status",
  "/v1/projections",
  "/v1/balances",
  "/v1/events",
  "/v1/anomalies",
  "/v1/deliveries",
];

describeOwnPostgres("reading while PostgreSQL does not answer", (use) => {
  test.each([["start"], ["gateway"]])("%s: each route says so within its budget", async (role) => {
    const env = {
      ...configOf(newFolder()),
      COUNTERFOIL_POSTGRES_URL: await newDatabase(use().url),
    };
    const service = startRole(["start"], env);
    let reader = service;
    if (role !== "start") {
      await service.whenLogged(isReady);
      reader = startRole([role], env);
    }
    const address = await addressOf(reader);
    for (const path of PATHS) {
      await until(
        path,
        () => fetch(address + path),
        ({ status }) => status === 200,
      );
    }
    await use().signal("SIGSTOP");
    const answers = await Promise.all(
      PATHS.map(async (path) => {
        const started = performance.now();
        const answer = await fetch(address + path, { signal: AbortSignal.timeout(60_000) }).catch(
          (error: Error) => ({ status: error.message, json: async () => ({}) }),
        );
        const seconds = (performance.now() - started) / 1000;
        return { path, status: answer.status, isInTime: seconds < SECONDS_MAX };
      }),
    );
    await use().signal("SIGCONT");
    expect(answers).toEqual(PATHS.map((path) => ({ path, status: 503, isInTime: true })));
    expect(await stopRole(reader)).toBe(0);
  });
});
