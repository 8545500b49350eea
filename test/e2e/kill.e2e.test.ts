import type { EventRecord } from "@counterfoil/contracts/record";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { type OutgoingHook, webhookDeliveries } from "@counterfoil/simulator/play/outgoing";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, afterEach, expect, jest, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(600_000);
afterEach(endAllProcesses);
afterAll(removeFolders);

/** Twenty and more take patience: `KILLS=20` in the environment. */
const KILLS = Number(process.env.KILLS ?? 4);
const SENDERS = 8;

/** Sends webhooks, several at a time, until one is not acknowledged: the service is gone. */
async function sendUntilGone(
  address: string,
  webhooks: Iterator<OutgoingHook>,
  acknowledged: Set<string>,
): Promise<void> {
  const send = async () => {
    for (let next = webhooks.next(); !next.done; next = webhooks.next()) {
      const acknowledgement = await sendWebhook(address, next.value);
      if (acknowledgement === null) return;
      acknowledged.add(acknowledgement.delivery_id);
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
    const sending = sendUntilGone(await addressOf(service), webhooks, acknowledged);
    setTimeout(() => service.signal("SIGKILL"), random.between(1, 500));
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

/** Ids of all deliveries on the stream; an id that stands there twice fails. */
async function recordedDeliveries(api: ReturnType<typeof createApi>, head: number) {
  const ids: string[] = [];
  for (let after = 0; after < head; ) {
    const page = await api.get<readonly EventRecord[]>("/v1/events", {
      after,
      limit: 1000,
      types: "DeliveryReceived",
    });
    if (page.length === 0) break;
    ids.push(...page.map(({ id }) => id));
    after = Number(page.at(-1)?.position);
  }
  expect(new Set(ids).size).toBe(ids.length);
  return ids;
}
