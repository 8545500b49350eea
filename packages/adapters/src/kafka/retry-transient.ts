import { setTimeout as wait } from "node:timers/promises";

/**
 * Answers that pass by themselves: a topic was created or changed its leader a moment ago, or a
 * broker that has just started does not know yet who coordinates transactions and groups.
 */
const TRANSIENT = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "NOT_LEADER_FOR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR_FOR_GROUP",
  "CONCURRENT_TRANSACTIONS",
  "KafkaJSGroupCoordinatorNotFound",
]);
const GIVE_UP_AFTER_MS = 15_000;
const RETRY_EVERY_MS = 100;

/** Retries while the answer is transient: the client gives up before such a moment is over. */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += RETRY_EVERY_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || waitedMs >= GIVE_UP_AFTER_MS) throw error;
      await wait(RETRY_EVERY_MS);
    }
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return TRANSIENT.has(String(type)) || TRANSIENT.has(error.name) || isTransient(error.cause);
}
