import type { Worker } from "node:worker_threads";
import type { Backends } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import { RebuildRunning, type Rebuilds } from "@counterfoil/processing/queries/rebuilds";
import type { Logger } from "pino";
import { lockRebuild } from "../rebuild/run-rebuild.ts";
import type { RebuildMessage } from "./job.ts";
import { createRebuildProgress, isRunning } from "./rebuild-progress.ts";
import { spawnThread } from "./spawn.ts";
import { stopThread } from "./supervise.ts";

export type RebuildThreadsDeps = Readonly<{ config: Config; backends: Backends; logger: Logger }>;

/** Rebuilds that are asked for over HTTP: each on a thread, since they take as long as they take. */
export function createRebuildThreads(
  deps: RebuildThreadsDeps,
): Rebuilds & Readonly<{ stop: () => Promise<void> }> {
  const latest = new Map<ModelName, RebuildProgress>();
  const running = new Map<Worker, Promise<void>>();

  async function start(model: ModelName): Promise<RebuildProgress> {
    const { backends, config } = deps;
    const before = latest.get(model);
    if (before !== undefined && isRunning(before)) {
      throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
    }
    const lock = await lockRebuild(backends, model);
    const progress = createRebuildProgress(await firstProgress(backends, model), backends.clock);
    latest.set(model, progress.present());
    const thread = spawnThread({ kind: "rebuild", config, model });
    const tell = (message: RebuildMessage) => latest.set(model, progress.after(message));
    const ended = untilEnd(thread, tell).then(async () => {
      running.delete(thread);
      await lock.release();
      deps.logger.info({ ...latest.get(model) }, "rebuild ended");
    });
    running.set(thread, ended);
    return progress.present();
  }

  return {
    start,
    progress: (model) => latest.get(model) ?? null,
    async stop() {
      const stops = [...running].map(([thread, ended]) =>
        stopThread(thread, ended, deps.backends.clock),
      );
      await Promise.all([...stops, ...running.values()]);
    },
  };
}

async function firstProgress(
  { catalogue, stream, clock }: Backends,
  model: ModelName,
): Promise<RebuildProgress> {
  const generations = await catalogue.generations(model);
  return {
    model,
    generation: (generations.at(-1)?.generation ?? 0) + 1,
    state: "building",
    position: "0",
    target: String((await stream.head()).position),
    events_per_second: 0,
    started_at: formatTime(clock.now()),
    finished_at: null,
    detail: null,
  };
}

/** A thread that dies without a word has failed as well. */
function untilEnd(thread: Worker, tell: (message: RebuildMessage) => void): Promise<void> {
  return new Promise((resolve) => {
    let ended = false;
    thread.on("message", (message: RebuildMessage) => {
      ended ||= message.kind !== "step";
      tell(message);
    });
    thread.once("error", (error) => {
      ended = true;
      tell({ kind: "failed", detail: error instanceof Error ? error.message : String(error) });
    });
    thread.once("exit", () => {
      if (!ended) tell({ kind: "failed", detail: "the rebuild was ended before it was done" });
      resolve();
    });
  });
}
