import { loadConfig } from "@counterfoil/adapters/config";
import { connect } from "@counterfoil/adapters/connect";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import { createLogger } from "@counterfoil/adapters/log";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { startPublisher } from "../publisher.ts";

/*
 * A publisher in its own process, with small transactions, so that a test can kill it in the middle of
 * one. Prints every event of the publisher as a line of JSON.
 *
 *   publish.ts DATA_DIR BROKER PREFIX COUNT [alone]    `alone`: it ignores the other publishers' lock
 */
const [dataDir = "", broker = "", prefix = "", count = "", alone] = process.argv.slice(2);
const config = loadConfig({ COUNTERFOIL_DATA_DIR: dataDir });
const logger = createLogger({ role: "publisher", level: "warn", to: "stderr" });
const connected = await connect(config, "read");
const locks = alone === undefined ? connected.locks : createMemoryRoleLocks();
const publisher = startPublisher({
  backends: { ...connected, locks },
  topics: createKafkaTopics({ brokers: [broker], prefix, logger, partitions: 3 }),
  limits: { count: Number(count), bytes: 1_000_000 },
  logger,
  report: (event) => console.log(JSON.stringify(event)),
});
process.once("SIGTERM", async () => {
  await publisher.stop();
  await connected.close();
});
