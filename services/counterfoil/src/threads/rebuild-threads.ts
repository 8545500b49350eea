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
    const { backends, config, logger } = deps;
    const before = latest.get(model);
    if (before !== undefined && isRunning(before)) {
      throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
    }
    const first = await firstProgress(backends, model);
    const lock = await lockRebuild(backends, model);
    const progress = createRebuildProgress(first, backends.clock);
    latest.set(model, first);
    const thread = spawnThread({ kind: "rebuild", config, model });
    const update = (message: RebuildMessage) => latest.set(model, progress.after(message));
    const ended = untilEnd(thread, update).then(async (last) => {
      running.delete(thread);
      await lock.release();
      // Only now: who sees the end may begin another rebuild.
      update(last);
      logger.info({ ...progress.present() }, "rebuild ended");
    });
    running.set(thread, ended);
    return first;
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

/** @returns the thread's last message; one that dies without any has failed as well. */
function untilEnd(
  thread: Worker,
  onStep: (message: RebuildMessage) => void,
): Promise<RebuildMessage> {
  return new Promise((resolve) => {
    let last: RebuildMessage = {
      kind: "failed",
      detail: "the rebuild was ended before it was done",
    };
    thread.on("message", (message: RebuildMessage) => {
      if (message.kind === "step") onStep(message);
      else last = message;
    });
    thread.once("error", (error) => {
      last = { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
    });
    thread.once("exit", () => resolve(last));
  });
}
