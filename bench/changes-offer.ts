import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "undici";
import { monotonicMs } from "./measure.ts";
import { type Signed, zeroHashWebhooks } from "./zero-hash-webhooks.ts";

/** The job of the process that sends the webhooks. */
export type OfferJob = Readonly<{
  address: string;
  /** Webhooks that an earlier job has sent. */
  skip: number;
  webhooks: number;
  webhooksPerSecond: number;
  accounts: number;
}>;

/** A delivery that was sent: its last position on the stream, and when, in monotonic ms. */
export type Offered = Readonly<{ position: number; dueAtMs: number; acknowledgedAtMs: number }>;

const CONNECTIONS = 16;

const [job] = (await once(process, "message")) as [OfferJob];
process.send?.(await offer(job), () => process.disconnect?.());

/** Sends at a constant rate, however slow the answers are. */
async function offer(job: OfferJob): Promise<readonly Offered[]> {
  const senders = new Pool(job.address, { connections: CONNECTIONS });
  const webhooks = [...zeroHashWebhooks(job.skip + job.webhooks, job.accounts)].slice(job.skip);
  const started = monotonicMs();
  const sending: Promise<Offered>[] = [];
  for (const [number, webhook] of webhooks.entries()) {
    const dueAtMs = started + (number / job.webhooksPerSecond) * 1000;
    while (monotonicMs() < dueAtMs) await wait(1);
    sending.push(
      send(senders, webhook).then((position) => ({
        position,
        dueAtMs,
        acknowledgedAtMs: monotonicMs(),
      })),
    );
  }
  const offered = await Promise.all(sending);
  await senders.close();
  return offered;
}

async function send(pool: Pool, { body, headers }: Signed): Promise<number> {
  const answer = await pool.request({ method: "POST", path: "/webhooks/zerohash", headers, body });
  const { position } = (await answer.body.json()) as { position?: string };
  if (answer.statusCode !== 200)
    throw new Error(`a webhook was answered with ${answer.statusCode}`);
  return Number(position);
}
