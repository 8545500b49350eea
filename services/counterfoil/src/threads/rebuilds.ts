import type { Worker } from "node:worker_threads";
import type { Backends } from "@counterfoil/adapters/connect";
import { createGate } from "@counterfoil/adapters/gate";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import { formatTime } from "@counterfoil/core/exact/time";
import {
  lockRebuild,
  type RebuildResult,
  RebuildRunning,
  type RebuildStep,
  type Rebuilds,
  underLock,
} from "@counterfoil/processing/generations/rebuild";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { HeldLock } from "@counterfoil/processing/ports/role-locks";
import type { Logger } from "pino";
import { type RebuildGoal, type RebuildJob, spawnThread, stopThread } from "./supervise.ts";

type RebuildThreadsDeps = Readonly<{ config: Config; backends: Backends; logger: Logger }>;

/**
 * Rebuilds that are started over HTTP: each on its own thread, since it may take long, and one after
 * the other, since each may use all the memory allowed.
 */
export function createRebuildThreads({
  config,
  backends,
  logger,
}: RebuildThreadsDeps): Rebuilds & Readonly<{ stop: () => Promise<void> }> {
  const latest = new Map<ModelName, RebuildProgress>();
  const pending = new Set<Promise<void>>();
  const runExclusively = createGate(1);
  let isStopping = false;
  let stopRunning = async () => {};

  async function start(
    model: ModelName,
    actor: string,
    goal: RebuildGoal = { kind: "next" },
  ): Promise<RebuildProgress> {
    const previous = latest.get(model);
    if (previous !== undefined && isRunning(previous)) {
      throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
    }
    const first = await firstProgress(backends, model, goal);
    const lock = await lockRebuild(backends, model);
    latest.set(model, first);
    const job = { kind: "rebuild", config, model, actor, goal } as const;
    const ended = runExclusively(() => runToEnd(job, first, lock));
    pending.add(ended);
    void ended.finally(() => pending.delete(ended));
    return first;
  }

  async function runToEnd(job: RebuildJob, first: RebuildProgress, lock: HeldLock): Promise<void> {
    const progress = createRebuildProgress({ ...first, state: "building" }, backends.clock);
    latest.set(job.model, progress.current());
    const update = (message: RebuildMessage) => latest.set(job.model, progress.apply(message));
    const last = await runLocked(job, update, lock);
    // After the release: a client that sees the end may start another rebuild.
    update(last);
    logger.info({ ...progress.current() }, "rebuild ended");
  }

  /** Runs the job's thread until it ends, the service stops, or the lock is lost. */
  function runLocked(
    job: RebuildJob,
    onStep: (message: RebuildMessage) => void,
    held: HeldLock,
  ): Promise<RebuildMessage> {
    return underLock(held, undefined, async (lost) => {
      if (isStopping) return STOPPED;
      // It may have waited for another rebuild: an event that has passed is not heard below.
      if (lost.aborted) return LOCK_LOST;
      const thread = spawnThread(job);
      const ended = waitForEnd(thread, onStep);
      const stop = () => stopThread(thread, ended, backends.clock);
      stopRunning = stop;
      lost.addEventListener("abort", () => void stop(), { once: true });
      const last = await ended;
      return lost.aborted && last.kind !== "done" ? LOCK_LOST : last;
    }).catch((error: unknown) => ({ kind: "failed", detail: String(error) }));
  }

  return {
    start: (model, actor) => start(model, actor),
    rollBack: (model, actor, generation) => start(model, actor, { kind: "kept", generation }),
    generations: (model) => backends.catalogue.generations(model),
    progress: (model) => latest.get(model) ?? null,
    async stop() {
      isStopping = true;
      await stopRunning();
      await Promise.all(pending);
    },
  };
}

async function firstProgress(
  { catalogue, stream, clock }: Backends,
  model: ModelName,
  goal: RebuildGoal,
): Promise<RebuildProgress> {
  const generations = await catalogue.generations(model);
  const next = (generations.at(-1)?.generation ?? 0) + 1;
  return {
    model,
    generation: goal.kind === "next" ? next : goal.generation,
    state: "waiting",
    position: "0",
    target: String((await stream.head()).position),
    events_per_second: 0,
    started_at: formatTime(clock.now()),
    finished_at: null,
    detail: null,
  };
}

/** @returns the thread's last message; a failure if it ended without one */
function waitForEnd(
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

const LOCK_LOST = {
  kind: "failed",
  detail: "the lock of the rebuild was lost: look after the database, and start it again",
} as const satisfies RebuildMessage;

const STOPPED = {
  kind: "failed",
  detail: "the service was stopped",
} as const satisfies RebuildMessage;

/** A message from a thread that rebuilds a model. */
export type RebuildMessage =
  | Readonly<{ kind: "step"; step: RebuildStep }>
  | RebuildDone
  | Readonly<{ kind: "failed"; detail: string }>;

export type RebuildDone = Readonly<{
  kind: "done";
  outcome: RebuildResult["outcome"];
  position: number;
  /** Names the rows that differ, if the digests differ. */
  detail: string | null;
}>;

const NANOS_PER_SECOND = 1e9;

export function isRunning({ finished_at }: RebuildProgress): boolean {
  return finished_at === null;
}

/** The record of a rebuild, kept up to date by the messages of its thread. */
export function createRebuildProgress(first: RebuildProgress, clock: Clock) {
  const startedAt = clock.now();
  let current = first;

  function rate(position: number): number {
    const seconds = Number(clock.now() - startedAt) / NANOS_PER_SECOND;
    return seconds > 0 ? Math.round(position / seconds) : 0;
  }

  function changes(message: RebuildMessage): Partial<RebuildProgress> {
    if (message.kind === "step") {
      const { state, generation, position, target } = message.step;
      const positions = { position: String(position), target: String(target) };
      return { state, generation, ...positions, events_per_second: rate(position) };
    }
    const finished_at = formatTime(clock.now());
    if (message.kind === "failed") return { state: "failed", finished_at, detail: message.detail };
    const { outcome, position, detail } = message;
    return {
      state: outcome === "aborted" ? "failed" : outcome,
      position: String(position),
      target: String(position),
      events_per_second: rate(position),
      finished_at,
      detail: outcome === "aborted" ? STOPPED.detail : detail,
    };
  }

  return {
    current: () => current,
    apply(message: RebuildMessage): RebuildProgress {
      current = { ...current, ...changes(message) };
      return current;
    },
  };
}
