import { startServiceProcess } from "@counterfoil/counterfoil/demo/service";
import { inFolder } from "./append.ts";
import {
  type BenchOptions,
  type BenchRow,
  messageOf,
  percentile,
  startProcess,
} from "./measure.ts";
import type { Offered, OfferJob } from "./visibility-offer.ts";
import { ZERO_HASH_SECRET } from "./zero-hash-webhooks.ts";

/** Offered deliveries per second. */
const RATE = 1000;
/** The time in which the service's threads compile hot code; it is not measured. */
const WARM_UP_SECONDS = 5;
/** One in this many deliveries is measured. */
const SAMPLE_EVERY = 20;
/** The least share of the rate that counts as reached. */
const TOLERANCE = 0.98;

/**
 * From a webhook's due time until `GET /v1/balances` shows its balance, with
 * a real `counterfoil start` and webhooks at a constant rate from another process.
 */
export async function benchVisibility(options: BenchOptions): Promise<BenchRow> {
  const deliveries = Math.ceil(options.facts / 3);
  const { accounts } = options;
  const job = { deliveries, accounts, ratePerSecond: RATE, sampleEvery: SAMPLE_EVERY };
  const { latenciesMs, answeredPerSecond, failed } = await inFolder((dataDir) =>
    offerTo(dataDir, { ...job, warmUpDeliveries: RATE * WARM_UP_SECONDS }),
  );
  const p50 = percentile(latenciesMs, 0.5).toFixed(1);
  const worst = percentile(latenciesMs, 1).toFixed(1);
  const isReached = answeredPerSecond >= RATE * TOLERANCE;
  const answered = `${Math.round(answeredPerSecond)} of ${RATE} deliveries/s were answered`;
  const reached = isReached ? "" : ": THE OFFERED RATE WAS NOT REACHED";
  const missing = failed === 0 ? "" : `; ${failed} NOT SHOWN IN TIME`;
  return {
    name: "webhook to balance visible, p99, 1,000 deliveries/s offered",
    unit: "ms",
    ours: percentile(latenciesMs, 0.99),
    limit: null,
    limitName: "",
    ratio: null,
    target: 100,
    isBetterBelow: true,
    note: `p50 ${p50} ms, worst ${worst} ms, ${latenciesMs.length} samples; ${answered}${reached}${missing}`,
  };
}

async function offerTo(dataDir: string, job: Omit<OfferJob, "address">): Promise<Offered> {
  const service = await startServiceProcess({
    COUNTERFOIL_DATA_DIR: dataDir,
    COUNTERFOIL_HTTP_PORT: "0",
    COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: ZERO_HASH_SECRET,
  });
  try {
    const child = startProcess("visibility-offer.ts");
    child.send({ ...job, address: service.address });
    return await messageOf<Offered>(child);
  } finally {
    await service.stop();
  }
}
