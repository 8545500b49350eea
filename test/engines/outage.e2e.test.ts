import { setTimeout as wait } from "node:timers/promises";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import type { ThrowAwayServer } from "@counterfoil/adapters/postgres/testing/throw-away-server";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, until } from "../e2e/support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { recordedDeliveries } from "../e2e/support/recorded-deliveries.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { type Load, startLoad } from "./load.ts";
import { tell } from "./tell.ts";
import { whenCaughtUp } from "./when-caught-up.ts";

/** The whole of it: `COUNTERFOIL_TEST_OUTAGE_SECONDS=60 COUNTERFOIL_TEST_OUTAGE_RATE=500`. */
const SECONDS = Number(process.env.COUNTERFOIL_TEST_OUTAGE_SECONDS ?? 5);
const RATE = Number(process.env.COUNTERFOIL_TEST_OUTAGE_RATE ?? 100);
const PATIENCE_MS = 180_000 + SECONDS * 15_000;

afterEach(endAllProcesses);
afterAll(removeFolders);

function startLoadOn(address: string): Load {
  const { steps } = generateHistory({ seed: "outage", deposits: 50_000, withdrawals: 50_000 });
  const webhooks = webhookDeliveries(steps);
  return startLoad({ webhooks, nextAddress: () => address, ratePerSecond: RATE });
}

const acknowledgedBeyond = (load: Load, count: number) =>
  until(
    `more than ${count} acknowledged`,
    async () => load.acknowledged.size,
    (size) => size > count,
  );

const countOf = ({ statuses }: Load, status: string): number => statuses.get(status) ?? 0;

type Outage = Readonly<{
  begin: (server: ThrowAwayServer) => Promise<void>;
  end: (server: ThrowAwayServer) => Promise<void>;
}>;

const STOPPED: Outage = { begin: (server) => server.stop(), end: (server) => server.start() };
/** It accepts connections, and says nothing. */
const FROZEN: Outage = {
  begin: (server) => server.signal("SIGSTOP"),
  end: (server) => server.signal("SIGCONT"),
};

async function expectSound(address: string, load: Load, env: Environment): Promise<number> {
  const api = createApi(address);
  const { head } = await whenCaughtUp(api);
  const recorded = await recordedDeliveries(api, Number(head));
  expect(recorded).toEqual(expect.arrayContaining([...load.acknowledged]));
  const verified = await runCommand(["verify", "--models", "--json"], env);
  expect(JSON.parse(verified.stdout)).toMatchObject({ events: Number(head), findings: [] });
  return recorded.length;
}

/** While no model can be read, a scrape is answered all the same, and says so. */
async function expectScraped(address: string): Promise<void> {
  const askedAtMs = performance.now();
  const scraped = await (await fetch(`${address}/metrics`)).text();
  expect(performance.now() - askedAtMs).toBeLessThan(5_000);
  expect(scraped).toContain('counterfoil_model_unreadable{model="balances"} 1');
  expect(scraped).toContain("counterfoil_quarantined_deliveries Nan");
  expect(scraped).toContain("counterfoil_build_info");
}

describeOwnPostgres("PostgreSQL away for seconds, under load", (use) => {
  test.each([
    ["stopped", STOPPED],
    ["frozen", FROZEN],
  ])(
    "%s: 503 meanwhile, then it goes on by itself, without loss or double",
    async (what, outage) => {
      const url = await newDatabase(use().url);
      const env = { ...configOf(newFolder()), COUNTERFOIL_POSTGRES_URL: url };
      const service = startRole(["start"], env);
      const address = await addressOf(service);
      const load = startLoadOn(address);
      await acknowledgedBeyond(load, RATE);

      await outage.begin(use());
      const before = load.acknowledged.size;
      await wait(SECONDS * 1000);
      const during = load.acknowledged.size;
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
      await expectScraped(address);
      const refused = countOf(load, "503");
      const endedAtMs = performance.now();
      await outage.end(use());
      await acknowledgedBeyond(load, during + RATE);
      const recoveredMs = Math.round(performance.now() - endedAtMs);

      await load.finish();
      // What was under way when it began may have been answered a moment later.
      expect(during - before).toBeLessThan(RATE);
      if (what === "stopped") expect(refused).toBeGreaterThan(0);
      const recorded = await expectSound(address, load, env);
      const { statuses, acknowledged } = load;
      const counts = { acknowledged: acknowledged.size, recorded, statuses };
      tell(`PostgreSQL ${what} for ${SECONDS} s`, {
        before,
        during,
        refused,
        recoveredMs,
        ...counts,
      });
      expect(await stopRole(service)).toBe(0);
    },
    PATIENCE_MS,
  );
});
