import { parentPort, workerData } from "node:worker_threads";
import { connect } from "@counterfoil/adapters/connect";
import { describeDifferences } from "../rebuild/differences.ts";
import { rebuildLocked } from "../rebuild/run-rebuild.ts";
import type { ModelJob, RebuildMessage } from "./job.ts";

/** Rebuilds one model on a thread of its own. The main thread holds the model's rebuild lock. */
const { config, model } = workerData as ModelJob;
const stopping = new AbortController();
const send = (message: RebuildMessage) => parentPort?.postMessage(message);
parentPort?.once("message", () => stopping.abort());

const backends = await connect(config, "write");
try {
  const { outcome, rebuilt, differences } = await rebuildLocked({
    backends,
    model,
    force: false,
    signal: stopping.signal,
    onProgress: (step) => send({ kind: "step", step }),
  });
  const detail = outcome === "refused" ? describeDifferences(differences) : null;
  send({ kind: "done", outcome, position: rebuilt.position, detail });
} catch (error) {
  send({ kind: "failed", detail: error instanceof Error ? error.message : String(error) });
} finally {
  await backends.close();
  parentPort?.close();
}
