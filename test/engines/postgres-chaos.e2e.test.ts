import { setTimeout as wait } from "node:timers/promises";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { createRandom } from "@counterfoil/simulator/random";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, digests, whenServed } from "../e2e/support/api.ts";
import { endAllProcesses, runCommand } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { recordedDeliveries } from "../e2e/support/recorded-deliveries.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { type LivingRole, startLivingRole } from "./living-role.ts";
import { startLoad } from "./load.ts";
import { tell } from "./tell.ts";
import { whenCaughtUp } from "./when-caught-up.ts";

/** A whole minute: `COUNTERFOIL_TEST_CHAOS_SECONDS=60`. */
const SECONDS = Number(process.env.COUNTERFOIL_TEST_CHAOS_SECONDS ?? 10);
const RATE = Number(process.env.COUNTERFOIL_TEST_CHAOS_RATE ?? 50);
const PATIENCE_MS = 180_000 + SECONDS * 4_000;

afterEach(endAllProcesses);
afterAll(removeFolders);

type Roles = Readonly<Record<string, LivingRole>>;

/** Kills one after the other at random, about every second. @returns how often each died */
async function killAtRandom(roles: Roles) {
  const random = createRandom("chaos", "moments");
  const names = Object.keys(roles);
  const killed: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  for (const deadline = performance.now() + SECONDS * 1000; performance.now() < deadline; ) {
    await wait(random.between(500, 1_500));
    const name = random.pick(names);
    await roles[name]?.kill();
    killed[name] = (killed[name] ?? 0) + 1;
  }
  return killed;
}

describeOwnPostgres("two of each on one PostgreSQL, killed at random under load", (use) => {
  test(
    "every acknowledged delivery is there once, and the models are those of a rebuild",
    async () => {
      const url = await newDatabase(use().url);
      const env = { ...configOf(newFolder()), COUNTERFOIL_POSTGRES_URL: url };
      const gateway = startLivingRole(["gateway"], env);
      const ingestors: [LivingRole, LivingRole] = [
        startLivingRole(["ingestor"], env),
        startLivingRole(["ingestor"], env),
      ];
      const roles: Roles = {
        gateway,
        "ingestor 1": ingestors[0],
        "ingestor 2": ingestors[1],
        "projector 1": startLivingRole(["projector"], env),
        "projector 2": startLivingRole(["projector"], env),
      };
      await Promise.all(Object.values(roles).map((role) => role.whenReady()));

      const { steps } = generateHistory({ seed: "chaos", deposits: 20_000, withdrawals: 20_000 });
      const random = createRandom("chaos", "routing");
      const load = startLoad({
        webhooks: webhookDeliveries(steps),
        ratePerSecond: RATE,
        nextAddress: () => random.pick(ingestors).address(),
      });
      const killed = await killAtRandom(roles);
      await Promise.all(ingestors.map((ingestor) => ingestor.whenReady()));
      await load.finish();

      const api = createApi(await gateway.whenReady());
      const before = await whenCaughtUp(api);
      const head = Number(before.head);
      const recorded = await recordedDeliveries(api, head);
      expect(recorded).toEqual(expect.arrayContaining([...load.acknowledged]));
      expect(load.acknowledged.size).toBeGreaterThan(SECONDS);
      const verified = await runCommand(["verify", "--models", "--json"], env);
      expect(JSON.parse(verified.stdout)).toMatchObject({ events: head, findings: [] });
      const rebuilt = await runCommand(["rebuild", "all", "--json"], env);
      expect(JSON.parse(rebuilt.stdout)).toMatchObject(
        before.projections.map(() => ({ outcome: "activated" })),
      );
      const after = await whenServed(api, [2, 2, 2, 2]);
      expect(digests(after)).toEqual(digests(before));
      const { acknowledged, statuses } = load;
      const counts = { acknowledged: acknowledged.size, recorded: recorded.length, events: head };
      tell(`${SECONDS} s of chaos`, { killed, ...counts, statuses });
      for (const role of Object.values(roles)) expect(await role.stop()).toBe(0);
    },
    PATIENCE_MS,
  );
});
