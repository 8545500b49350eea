import type { RebuildProgress } from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { RebuildMessage } from "./job.ts";

const NANOS_PER_SECOND = 1e9;

export function isRunning({ finished_at }: RebuildProgress): boolean {
  return finished_at === null;
}

/** The record of a rebuild, kept up to date by the messages of its thread. */
export function createRebuildProgress(first: RebuildProgress, clock: Clock) {
  const startedAt = clock.now();
  let present = first;

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
      detail: outcome === "aborted" ? "the service was stopped" : detail,
    };
  }

  return {
    present: () => present,
    after(message: RebuildMessage): RebuildProgress {
      present = { ...present, ...changes(message) };
      return present;
    },
  };
}
