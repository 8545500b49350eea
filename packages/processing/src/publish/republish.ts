import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "../models/registry.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import type { PublishedModel, PublisherCheckpoint } from "./checkpoint.ts";

/**
 * A subject whose event a model cannot project stops there, and goes on once a corrected program
 * runs. What its events change then lies behind what has been published, so it is published again.
 */
export interface Republish {
  /** Whether a stopped subject has gone on since. */
  isDue(model: ModelName): boolean;
  /**
   * Notes which subjects are stopped now.
   *
   * @returns the checkpoint's `republishFrom` from here on.
   */
  note(model: ModelName, found: Stopped): PublishedModel["republishFrom"];
  /** What is projected has been published again; subjects that are still stopped stay noted. */
  finish(model: ModelName, stopped: readonly StoppedSubject[]): PublishedModel["republishFrom"];
}

export type Stopped = Readonly<{
  republishFrom: PublishedModel["republishFrom"];
  /** Subjects that are stopped at positions that have been published. */
  stopped: readonly StoppedSubject[];
  /** Where subjects had stopped that are known to have gone on. */
  resumed: readonly number[];
}>;

/** @param models as they were published last: what has gone on since then cannot be known, so all is due. */
export function createRepublish(models: PublisherCheckpoint["models"]): Republish {
  const due = new Set(MODEL_NAMES.filter((model) => models[model].republishFrom !== null));
  const seen = new Map<ModelName, ReadonlySet<string>>();

  /** Whether one that was stopped is not any more. */
  function hasResumed(model: ModelName, stopped: readonly StoppedSubject[]): boolean {
    const before = seen.get(model) ?? new Set<string>();
    const now = new Set(stopped.map(({ subject, position }) => `${position}:${subject}`));
    seen.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  return {
    isDue: (model) => due.has(model),
    note(model, { republishFrom, stopped, resumed }) {
      if (hasResumed(model, stopped) || resumed.length > 0) due.add(model);
      const pending = due.has(model) && republishFrom !== null ? [republishFrom] : [];
      return least([...stopped.map(({ position }) => position), ...resumed, ...pending]);
    },
    finish(model, stopped) {
      due.delete(model);
      hasResumed(model, stopped);
      return least(stopped.map(({ position }) => position));
    },
  };
}

function least(positions: readonly number[]): number | null {
  return positions.reduce<number | null>(
    (before, position) => (before === null || position < before ? position : before),
    null,
  );
}
