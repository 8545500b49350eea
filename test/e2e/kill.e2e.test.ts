import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import type { OutgoingHook } from "@counterfoil/simulator/play-deliveries";
import { createRandom } from "@counterfoil/simulator/random";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { recordedDeliveries } from "./support/recorded-deliveries.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

/** Twenty and more take patience: `KILLS=20` in the environment. */
const KILLS = Number(process.env.KILLS ?? 4);
const SENDERS = 8;

/**
 * Sends webhooks, several at a time, until one is not acknowledged: the service is gone.
 *
 * @param onAcknowledged is told how many of these have been
 */
async function sendUntilGone(
  address: string,
  webhooks: Iterator<OutgoingHook>,
  onAcknowledged: (deliveryId: string, count: number) => void,
): Promise<void> {
  let count = 0;
  const send = async () => {
    for (let next = webhooks.next(); !next.done; next = webhooks.next()) {
      const acknowledgement = await sendWebhook(address, next.value);
      if (acknowledgement === null) return;
      count += 1;
      onAcknowledged(acknowledgement.delivery_id, count);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
}

test("killed at random moments under load, it keeps every acknowledged delivery exactly once", async () => {
  const env = configOf(newFolder());
  const random = createRandom("kill", "moments");
  const { steps } = generateHistory({
    seed: "kill",
    deposits: 150 * KILLS,
    withdrawals: 150 * KILLS,
  });
  const webhooks = webhookDeliveries(steps);
  const acknowledged = new Set<string>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const service = startRole(["start"], env);
    // By acknowledgements, since a slow machine gives few in a fixed time; then at any point of a commit.
    const killAt = random.between(1, 120);
    const laterMs = random.between(0, 20);
    const sending = sendUntilGone(await addressOf(service), webhooks, (deliveryId, count) => {
      acknowledged.add(deliveryId);
      if (count === killAt) setTimeout(() => service.signal("SIGKILL"), laterMs);
    });
    await Promise.all([sending, service.ended]);
  }
  // The load has lasted to the last kill.
  expect(webhooks.next().done).toBe(false);
  const service = startRole(["start"], env);
  const api = createApi(await addressOf(service));
  const { head } = await whenFolded(api);
  expect(await recordedDeliveries(api, Number(head))).toEqual(
    expect.arrayContaining([...acknowledged]),
  );
  expect(acknowledged.size).toBeGreaterThan(0);
  expect(await stopRole(service)).toBe(0);
  const verified = await runCommand(["verify", "--models", "--json"], env);
  expect(JSON.parse(verified.stdout).findings).toEqual([]);
});
