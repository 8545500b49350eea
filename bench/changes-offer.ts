import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "undici";
import { percentile } from "./measure.ts";
import { type Signed, zeroHashWebhooks } from "./zero-hash-webhooks.ts";

/** The job of the offering process. */
export type ChangesJob = Readonly<{
  address: string;
  subscribers: number;
  /** Webhooks that an earlier job has sent. */
  skip: number;
  webhooks: number;
  webhooksPerSecond: number;
  accounts: number;
}>;

/** The result of the offering process. */
export type ChangesOffered = Readonly<{
  /** From a webhook's due time until a subscriber has received its change: the oldest one of each chunk. */
  behindMs: Shares;
  acknowledgedMs: Shares;
  changesPerSecond: number;
  /** Subscribers that did not receive everything, or were disconnected. */
  incomplete: number;
}>;

export type Shares = Readonly<{ p50: number; p99: number; worst: number }>;

const CONNECTIONS = 16;
const QUIET_MS = 1_500;

const [job] = (await once(process, "message")) as [ChangesJob];
process.send?.(await offer(job), () => process.disconnect?.());

/** Sends at a constant rate, however slow the answers are, while each subscriber reads all changes. */
async function offer(job: ChangesJob): Promise<ChangesOffered> {
  const { address, subscribers, webhooksPerSecond } = job;
  const senders = new Pool(address, { connections: CONNECTIONS });
  /** The last position of each delivery on the stream, and its due time; ascending. */
  const deliveries: { position: number; dueAt: number }[] = [];
  const readers = await Promise.all(Array.from({ length: subscribers }, () => subscribe(address)));
  const acknowledgedMs: number[] = [];
  const sending: Promise<void>[] = [];
  const started = performance.now();
  const webhooks = [...zeroHashWebhooks(job.skip + job.webhooks, job.accounts)].slice(job.skip);
  for (const [number, webhook] of webhooks.entries()) {
    const dueAt = started + (number / webhooksPerSecond) * 1000;
    while (performance.now() < dueAt) await wait(1);
    const sent = send(senders, webhook).then((position) => {
      acknowledgedMs.push(performance.now() - dueAt);
      deliveries.push({ position, dueAt });
    });
    sending.push(sent);
  }
  await Promise.all(sending);
  const seconds = (performance.now() - started) / 1000;
  await wait(QUIET_MS);
  deliveries.sort((one, other) => one.position - other.position);
  const behindMs = readers.flatMap(({ pieces }) =>
    pieces.map(({ position, atMs }) => atMs - dueOf(deliveries, position)),
  );
  const most = Math.max(0, ...readers.map(({ counted }) => counted.changes));
  const incomplete = readers.filter(({ counted }) => counted.changes !== most).length;
  for (const { response } of readers) response.destroy();
  await senders.close();
  return {
    behindMs: sharesOf(behindMs),
    acknowledgedMs: sharesOf(acknowledgedMs),
    changesPerSecond: most / seconds,
    incomplete,
  };
}

function sharesOf(values: readonly number[]): Shares {
  const at = (share: number) => percentile(values, share);
  return { p50: at(0.5), p99: at(0.99), worst: at(1) };
}

/** The due time of the delivery that contains a position; each delivery has its last position. */
function dueOf(deliveries: readonly { position: number; dueAt: number }[], position: number) {
  let [low, high] = [0, deliveries.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((deliveries[middle]?.position ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return deliveries[low]?.dueAt ?? 0;
}

async function send(pool: Pool, { body, headers }: Signed): Promise<number> {
  const answer = await pool.request({ method: "POST", path: "/webhooks/zerohash", headers, body });
  const { position } = (await answer.body.json()) as { position?: string };
  if (answer.statusCode !== 200)
    throw new Error(`a webhook was answered with ${answer.statusCode}`);
  return Number(position);
}

type Piece = Readonly<{ position: number; atMs: number }>;

/** Parses only the first id of each chunk: 500 subscribers share one core with a part of the service. */
async function subscribe(address: string) {
  const pieces: Piece[] = [];
  const counted = { changes: 0 };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${address}/v1/changes`, { agent: false }, resolve).on("error", reject);
  });
  response.on("error", () => {});
  const live = once(response, "data");
  response.on("data", (chunk: Buffer) => {
    const atMs = performance.now();
    const first = chunk.indexOf("id: ");
    for (let at = chunk.indexOf("event: "); at !== -1; at = chunk.indexOf("event: ", at + 1)) {
      counted.changes += 1;
    }
    const hasChange = chunk.includes("event: ");
    const position = Number.parseInt(chunk.toString("latin1", first + 4, first + 24), 10);
    if (first !== -1 && hasChange) pieces.push({ position, atMs });
  });
  await live;
  return { response, pieces, counted };
}
