import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "undici";
import { type Signed, zeroHashWebhooks } from "./zero-hash-webhooks.ts";

/** The job of the offering process. */
export type OfferJob = Readonly<{
  address: string;
  deliveries: number;
  warmUpDeliveries: number;
  accounts: number;
  ratePerSecond: number;
  sampleEvery: number;
}>;

/** The result of the offering process. */
export type Offered = Readonly<{
  latenciesMs: readonly number[];
  answeredPerSecond: number;
  /** Not acknowledged, or not visible within the service's waiting time; their latencies are included. */
  failed: number;
}>;

const CONNECTIONS = 64;
const READERS = 16;

const [job] = (await once(process, "message")) as [OfferJob];
process.send?.(await offer(job));
process.disconnect?.();

/** Sends at a constant rate, however slow the answers are, and follows some to their balance. */
async function offer(job: OfferJob): Promise<Offered> {
  const { address, warmUpDeliveries, ratePerSecond, sampleEvery } = job;
  const webhooks = [...zeroHashWebhooks(warmUpDeliveries + job.deliveries, job.accounts)];
  const senders = new Pool(address, { connections: CONNECTIONS });
  const readers = new Pool(address, { connections: READERS });
  const latenciesMs: number[] = [];
  let [lastAnswer, failed] = [0, 0];

  async function deliver(webhook: Signed, number: number, dueAt: number): Promise<void> {
    const isSample = number % sampleEvery === 0;
    const position = await send(senders, webhook);
    lastAnswer = performance.now();
    if (position !== null && !isSample) return;
    if (position === null || !(await isShown(readers, webhook, position))) failed += 1;
    // Warm-up deliveries are read as well, to warm up reading too.
    if (number >= warmUpDeliveries) latenciesMs.push(performance.now() - dueAt);
  }

  const started = performance.now();
  const dueAt = (number: number) => started + (number / ratePerSecond) * 1000;
  const waiting: Promise<void>[] = [];
  for (const [number, webhook] of webhooks.entries()) {
    while (performance.now() < dueAt(number)) await wait(1);
    waiting.push(deliver(webhook, number, dueAt(number)));
  }
  await Promise.all(waiting);
  await Promise.all([senders.close(), readers.close()]);
  const seconds = (lastAnswer - dueAt(warmUpDeliveries)) / 1000;
  return { latenciesMs, answeredPerSecond: job.deliveries / seconds, failed };
}

/** @returns the stream's position after the webhook; null if it was not acknowledged */
async function send(pool: Pool, { body, headers }: Signed): Promise<string | null> {
  const answer = await pool.request({ method: "POST", path: "/webhooks/zerohash", headers, body });
  const { position } = (await answer.body.json()) as { position?: string };
  return answer.statusCode === 200 ? (position ?? null) : null;
}

/**
 * Read your writes: the answer waits until the model has processed the webhook. Balances here only
 * grow, so a greater one belongs to a later webhook.
 */
async function isShown(pool: Pool, { body }: Signed, position: string): Promise<boolean> {
  const { participant_code, asset, balance } = JSON.parse(body) as Record<string, string>;
  const query = new URLSearchParams({
    participant_code: String(participant_code),
    asset: String(asset),
    min_position: position,
  });
  const answer = await pool.request({ method: "GET", path: `/v1/balances?${query}` });
  const { data } = (await answer.body.json()) as { data?: readonly { balance: string }[] };
  return answer.statusCode === 200 && Number(data?.[0]?.balance) >= Number(balance);
}
