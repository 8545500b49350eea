import { constants, setPriority } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { startServiceProcess } from "@counterfoil/counterfoil/demo/service";
import { inFolder } from "./append.ts";
import type { Offered, OfferJob } from "./changes-offer.ts";
import type { ChangesRead, ReadersJob } from "./changes-readers.ts";
import {
  type BenchOptions,
  type BenchRow,
  messageOf,
  percentile,
  rssBytesMax,
  startProcess,
} from "./measure.ts";
import { ZERO_HASH_SECRET } from "./zero-hash-webhooks.ts";

const SUBSCRIBERS = 500;
/** Each webhook changes an account and a deposit, most of them twice. */
const WEBHOOKS_PER_SECOND = 70;
const WARM_UP_SECONDS = 8;
/** The last changes are on their way for that long. */
const QUIET_MS = 1_500;
const MEBIBYTE = 1024 * 1024;

/**
 * How far 500 subscribers of all changes are behind a real `counterfoil start`, and what they cost
 * those who wait for an acknowledgement. Subscribers and senders are a process each, so that neither
 * waits in the other's event loop, the subscribers' with a low priority.
 */
export async function benchChanges(options: BenchOptions): Promise<readonly BenchRow[]> {
  const webhooks = Math.ceil(options.facts / 3);
  return inFolder(async (dataDir) => {
    const service = await startServiceProcess({
      COUNTERFOIL_DATA_DIR: dataDir,
      COUNTERFOIL_HTTP_PORT: "0",
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: ZERO_HASH_SECRET,
    });
    const job = { address: service.address, accounts: options.accounts };
    const rate = { ...job, webhooksPerSecond: WEBHOOKS_PER_SECOND };
    try {
      const warmUp = WARM_UP_SECONDS * WEBHOOKS_PER_SECOND;
      await offer({ ...rate, skip: 0, webhooks: warmUp });
      const alone = await offer({ ...rate, skip: warmUp, webhooks });
      const readers = await startReaders({ ...job, subscribers: SUBSCRIBERS });
      const beside = await offer({ ...rate, skip: warmUp + webhooks, webhooks });
      await wait(QUIET_MS);
      const read = await readers.end();
      const mebibytes = rssBytesMax(service.pid) / MEBIBYTE;
      return [behindRow(beside, read), acknowledgedRow(alone, beside, mebibytes)];
    } finally {
      await service.stop();
    }
  });
}

function behindRow(offered: readonly Offered[], { pieces, changes }: ChangesRead): BenchRow {
  const byPosition = offered.toSorted((one, other) => one.position - other.position);
  const behindMs = pieces.map(({ position, atMs }) => atMs - dueOf(byPosition, position));
  const most = Math.max(...changes);
  const incomplete = changes.filter((count) => count !== most).length;
  const missing = incomplete === 0 ? "" : `; ${incomplete} DID NOT GET ALL`;
  const perSecond = Math.round((most * WEBHOOKS_PER_SECOND) / offered.length);
  const [p50, worst] = [percentile(behindMs, 0.5), percentile(behindMs, 1)];
  return {
    name: `${SUBSCRIBERS} subscribers of all changes, behind the webhook at p99`,
    unit: "ms",
    ours: percentile(behindMs, 0.99),
    limit: null,
    limitName: "",
    ratio: null,
    target: 250,
    isBetterBelow: true,
    note: `p50 ${p50.toFixed(0)} ms, worst ${worst.toFixed(0)} ms, ${perSecond} changes/s${missing}`,
  };
}

function acknowledgedRow(
  alone: readonly Offered[],
  beside: readonly Offered[],
  mebibytes: number,
): BenchRow {
  const [ours, limit] = [acknowledgedMs(beside), acknowledgedMs(alone)];
  const [p50, p50Alone] = [percentile(ours, 0.5), percentile(limit, 0.5)];
  const p99 = percentile(ours, 0.99);
  const p99Alone = percentile(limit, 0.99);
  return {
    name: `acknowledgement beside ${SUBSCRIBERS} subscribers, p99`,
    unit: "ms",
    ours: p99,
    limit: p99Alone,
    limitName: "the same without subscribers",
    ratio: p99 / p99Alone,
    target: null,
    isBetterBelow: true,
    note: `p50 ${p50.toFixed(1)} ms, without ${p50Alone.toFixed(1)} ms; the service's memory at most ${mebibytes.toFixed(0)} MiB`,
  };
}

const acknowledgedMs = (offered: readonly Offered[]) =>
  offered.map(({ acknowledgedAtMs, dueAtMs }) => acknowledgedAtMs - dueAtMs);

/** The due time of the delivery that contains a position; each delivery has its last position. */
function dueOf(byPosition: readonly Offered[], position: number): number {
  let [low, high] = [0, byPosition.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((byPosition[middle]?.position ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return byPosition[low]?.dueAtMs ?? 0;
}

async function offer(job: OfferJob): Promise<readonly Offered[]> {
  const child = startProcess("changes-offer.ts");
  child.send(job);
  return messageOf<readonly Offered[]>(child);
}

/** Resolves when all of them receive changes. */
async function startReaders(job: ReadersJob) {
  const child = startProcess("changes-readers.ts");
  // Subscribers are other machines, which would not take the service's processors from it.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  child.send(job);
  await messageOf(child);
  return {
    end() {
      child.send("end");
      return messageOf<ChangesRead>(child);
    },
  };
}
