import { parentPort, workerData } from "node:worker_threads";
import { connect } from "@counterfoil/adapters/connect";
import { createLogger } from "@counterfoil/adapters/logging";
import { startPublisher } from "@counterfoil/publisher/publisher";
import { openTopics } from "../service/open-topics.ts";
import type { PublisherJob } from "./job.ts";

/** The publisher on a thread of its own, until the main thread asks it to stop. */
const { config } = workerData as PublisherJob;
const logger = createLogger({ role: "publisher", level: config.COUNTERFOIL_LOG_LEVEL });
const backends = await connect(config, "read");
const report = (event: unknown) => parentPort?.postMessage(event);
const topics = openTopics(config, logger);
const publisher = startPublisher({ backends, topics, logger, report });

parentPort?.once("message", async () => {
  await publisher.stop();
  await backends.close();
});
