import { setTimeout as wait } from "node:timers/promises";

/**
 * What brokers answer for a moment after a topic was created or has another leader, and while a
 * fresh or restarted broker has not found out who coordinates transactions and groups.
 */
const SETTLING = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "NOT_LEADER_FOR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR_FOR_GROUP",
  "CONCURRENT_TRANSACTIONS",
  "KafkaJSGroupCoordinatorNotFound",
]);
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 100;

/** Tries again while brokers are settling. The client itself gives up sooner than they do. */
export async function whileSettling<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isSettling(error) || waitedMs >= PATIENCE_MS) throw error;
      await wait(LOOK_EVERY_MS);
    }
  }
}

function isSettling(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return SETTLING.has(String(type)) || SETTLING.has(error.name) || isSettling(error.cause);
}
