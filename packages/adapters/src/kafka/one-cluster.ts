import { setTimeout as wait } from "node:timers/promises";
import { BrokersDisagree } from "@counterfoil/processing/ports/topic-errors";
import { type ClientOptions, createClient } from "./client.ts";

/** A broker that is down is asked again when the topics are opened the next time. */
const GIVE_UP_AFTER_MS = 3_000;

/**
 * Asks every broker which cluster it belongs to. The client takes whichever answers first, so that
 * brokers of two clusters would each receive a part of the ledger.
 *
 * @throws BrokersDisagree
 */
export async function expectOneCluster(options: ClientOptions): Promise<void> {
  const { brokers } = options;
  if (brokers.length < 2) return;
  const asked = await Promise.all(brokers.map((broker) => clusterOf(options, broker)));
  const answers = asked.flatMap((cluster, at) =>
    cluster === null ? [] : [{ broker: brokers[at], cluster }],
  );
  if (new Set(answers.map(({ cluster }) => cluster)).size < 2) return;
  const found = answers.map(({ broker, cluster }) => `${broker} is of cluster ${cluster}`);
  throw new BrokersDisagree(
    `COUNTERFOIL_KAFKA_BROKERS names brokers of different clusters (${found.join(", ")}): expected brokers of one`,
  );
}

/** @returns the cluster's id; null where the broker does not answer in time. */
async function clusterOf(options: ClientOptions, broker: string): Promise<string | null> {
  const admin = createClient({ ...options, brokers: [broker], retries: 0 }).admin();
  const ask = async () => {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  };
  try {
    return await Promise.race([
      ask().catch(() => null),
      wait(GIVE_UP_AFTER_MS, null, { ref: false }),
    ]);
  } finally {
    // Not awaited: a broker that does not answer does not close the connection either.
    void admin.disconnect().catch(() => undefined);
  }
}
