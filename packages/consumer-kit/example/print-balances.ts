import { consume } from "@counterfoil/consumer-kit/consume";
import type { StateChange } from "@counterfoil/consumer-kit/reading";
import { Kafka, logLevel } from "kafkajs";

/*
 * Holds every balance of a ledger in memory and prints changes. Ends on SIGINT or SIGTERM, or
 * with `--once` when it has read to the end of the topic.
 *
 *   COUNTERFOIL_KAFKA_BROKERS=127.0.0.1:19092 node example/print-balances.ts [--once]
 */
const brokers = (process.env.COUNTERFOIL_KAFKA_BROKERS ?? "127.0.0.1:9092").split(",");
const prefix = process.env.COUNTERFOIL_KAFKA_TOPIC_PREFIX ?? "counterfoil";
const isOnce = process.argv.includes("--once");

const kafka = new Kafka({ clientId: "print-balances", brokers, logLevel: logLevel.ERROR });
const stopRequested = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stopRequested.resolve);

const consuming = await consume({
  kafka,
  prefix,
  topics: ["balances"],
  onChange: (change) => {
    if (change.topic === "balances") print(change);
  },
  onCaughtUp: () => {
    console.log("-- everything is read; what changes from here on:");
    if (isOnce) stopRequested.resolve();
  },
});
await Promise.race([stopRequested.promise, consuming.ended]);
await consuming.stop();
console.log(`-- ${consuming.states.records("balances").length} balances`);

function print({ key, before, after, position }: StateChange<"balances">): void {
  const [was, is] = [before?.balance ?? "nothing", after?.balance ?? "nothing"];
  console.log(`${position}\t${key}\t${was} -> ${is}`);
}
