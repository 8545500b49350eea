import { parentPort, workerData } from "node:worker_threads";
import { connect } from "@counterfoil/adapters/connect";
import { createLogger } from "@counterfoil/adapters/logging";
import { startProjector } from "@counterfoil/projector/projector";
import { createUpgrade } from "@counterfoil/projector/upgrade";
import { BUILD } from "../build.ts";
import { collectCommits } from "./collect-commits.ts";
import type { ModelJob } from "./job.ts";

/** One model, projected on a thread of its own, until the main thread asks it to stop. */
const { config, model } = workerData as ModelJob;
const logger = createLogger({ role: "projector", level: config.COUNTERFOIL_LOG_LEVEL });
const backends = await connect(config, "read");
const events = collectCommits((event) => parentPort?.postMessage(event));
const projector = startProjector({
  backends,
  models: [model],
  logger,
  upgrade: createUpgrade({ openForWriting: () => connect(config, "write"), build: BUILD, logger }),
  report: events.report,
});

parentPort?.once("message", async () => {
  await projector.stop();
  events.flush();
  await backends.close();
});
