import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { createHardWorld } from "@counterfoil/simulator/testing/hard-world";
import { describe, expect, test } from "@jest/globals";
import { breachesOf } from "../system/hard-world-checks.ts";
import { type OpenTestEngine, patience, runs } from "../system/support.ts";
import { eventstoreEngine, postgresEngine } from "./server-engines.ts";

const SERVERS: readonly (readonly [string, (url: string) => OpenTestEngine])[] = [
  ["postgres", postgresEngine],
  ["eventstore double + postgres", eventstoreEngine],
];
/** A database is made for each: a few worlds, on a server that is slower than memory. */
const WORLDS = runs(6);
const FIRST_SEED = 100_001;

describeOwnPostgres("hard worlds on PostgreSQL", (use) => {
  describe.each(SERVERS)("%s", (_, engineOn) => {
    test(
      "webhooks in another order, and twice, give the state that memory has",
      async () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + WORLDS; seed += 1) {
          const breaches = await breachesOf(createHardWorld(seed), { engine: engineOn(use().url) });
          const ofOrder = breaches.filter(({ property }) => property === "order");
          expect([seed, ...ofOrder]).toEqual([seed]);
        }
      },
      patience(120),
    );
  });
});
