import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";

const AT_ONCE = 200;

/**
 * Fills a ledger on SQLite with a seeded history, without a service: many more deliveries in a second
 * than HTTP brings.
 *
 * @returns where it ends
 */
export async function fillLedger(dataDir: string, flows: number): Promise<number> {
  const ledger = "default";
  const options = { dataDir, ledger, hashing: nodeHashing, clock: systemClock };
  const stream = await openEventStream(options);
  await openLedger(stream, { name: ledger, environment: "production" }, nodeHashing);
  const ingest = createIngest({ ...options, stream, translations: TRANSLATIONS });
  const { steps } = generateHistory({ seed: "filled", deposits: flows, withdrawals: flows });
  let some: Promise<unknown>[] = [];
  for (const { provider, payloadType, body } of webhookDeliveries(steps)) {
    const delivery = { provider, payloadType, bytes: Buffer.from(body), ...WEBHOOK };
    some.push(ingest.submit({ ...delivery, receivedAt: systemClock.now() }));
    if (some.length < AT_ONCE) continue;
    await Promise.all(some);
    some = [];
  }
  await Promise.all(some);
  await ingest.stop();
  const { position } = await stream.head();
  await stream.close();
  return position;
}

const WEBHOOK = {
  channel: "webhook",
  notificationId: null,
  place: null,
  verdict: { signature: "valid", scheme: "hmac-sha256", key: "1" },
  correlationId: null,
} as const;
