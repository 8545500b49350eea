import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startServiceProcess } from "@counterfoil/counterfoil/demo/service";
import { inFolder } from "./append.ts";
import type { ChangesJob, ChangesOffered } from "./changes-offer.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { ZERO_HASH_SECRET } from "./zero-hash-webhooks.ts";

const SUBSCRIBERS = 500;
/** Each webhook changes an account and a deposit, most of them twice. */
const WEBHOOKS_PER_SECOND = 70;
const WARM_UP_SECONDS = 8;

/**
 * How far 500 subscribers of all changes are behind, with a real `counterfoil start`; the subscribers
 * and the webhooks are in another process.
 */
export async function benchChanges(options: BenchOptions): Promise<BenchRow> {
  const webhooks = Math.ceil(options.facts / 3);
  const job = { accounts: options.accounts, webhooksPerSecond: WEBHOOKS_PER_SECOND };
  return inFolder(async (dataDir) => {
    const service = await startServiceProcess({
      COUNTERFOIL_DATA_DIR: dataDir,
      COUNTERFOIL_HTTP_PORT: "0",
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: ZERO_HASH_SECRET,
    });
    try {
      const { address } = service;
      const warmUp = WARM_UP_SECONDS * WEBHOOKS_PER_SECOND;
      const alone = await offer({ ...job, address, subscribers: 0, skip: 0, webhooks: warmUp });
      const more = { subscribers: SUBSCRIBERS, skip: warmUp, webhooks };
      const offered = await offer({ ...job, address, ...more });
      return rowOf(alone, offered);
    } finally {
      await service.stop();
    }
  });
}

function rowOf(alone: ChangesOffered, offered: ChangesOffered): BenchRow {
  const { behindMs, acknowledgedMs, changesPerSecond, incomplete } = offered;
  const missing = incomplete === 0 ? "" : `; ${incomplete} DID NOT GET ALL`;
  const { p50, p99, worst } = behindMs;
  return {
    name: `${SUBSCRIBERS} subscribers of all changes, behind the webhook at p99`,
    unit: "ms",
    ours: p99,
    limit: null,
    limitName: "",
    ratio: null,
    target: 250,
    isBetterBelow: true,
    note: `p50 ${p50.toFixed(0)} ms, worst ${worst.toFixed(0)} ms, ${Math.round(changesPerSecond)} changes/s; acknowledged at p99 in ${acknowledgedMs.p99.toFixed(1)} ms, without subscribers in ${alone.acknowledgedMs.p99.toFixed(1)} ms${missing}`,
  };
}

async function offer(job: ChangesJob): Promise<ChangesOffered> {
  const child = fork(join(import.meta.dirname, "changes-offer.ts"), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  child.send(job);
  const [offered] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the offer ended: ${code}`))),
  ])) as [ChangesOffered];
  return offered;
}
