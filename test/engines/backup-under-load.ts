import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { expect } from "@jest/globals";
import { createApi, whenFolded } from "../e2e/support/api.ts";
import {
  addressOf,
  type Environment,
  runCommand,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";
import { recordedDeliveries } from "../e2e/support/recorded-deliveries.ts";
import { startLoad } from "./load.ts";

type Backup = Readonly<{
  env: Environment;
  /** Takes a backup beside the running service, and lays it out as another installation. */
  backUp: () => Promise<Environment>;
}>;

/** Enough for the backup to meet appends on its way. */
const ACKNOWLEDGED_MIN = 200;

/**
 * A backup that was taken under load holds everything that was acknowledged before it began, and is a
 * ledger like any other: it verifies, is served, and goes on.
 */
export async function expectWholeBackup({ env, backUp }: Backup): Promise<void> {
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const { steps } = generateHistory({ seed: "backup", deposits: 5_000, withdrawals: 5_000 });
  const load = startLoad({
    webhooks: webhookDeliveries(steps),
    ratePerSecond: 100,
    nextAddress: () => address,
  });
  await load.whenAcknowledged(ACKNOWLEDGED_MIN);
  const acknowledged = [...load.acknowledged];
  const restoredEnv = await backUp();
  await load.whenAcknowledged(load.acknowledged.size + ACKNOWLEDGED_MIN);
  await load.finish();
  expect(await stopRole(service)).toBe(0);

  const verified = await runCommand(["verify", "--models", "--json"], restoredEnv);
  expect(JSON.parse(verified.stdout).findings).toEqual([]);
  const restored = startRole(["start"], restoredEnv);
  const api = createApi(await addressOf(restored));
  await whenFolded(api);
  const { head } = await api.get<{ head: string }>("/v1/status", {});
  const recorded = await recordedDeliveries(api, Number(head));
  expect(recorded).toEqual(expect.arrayContaining(acknowledged));
  // Taken under way, and no copy of the end.
  expect(recorded.length).toBeLessThan(load.acknowledged.size);
  expect(await stopRole(restored)).toBe(0);
}
