import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "../models/registry.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import type { PublishedModel, PublisherCheckpoint } from "./checkpoint.ts";

/**
 * Events that a model could not fold are left out, and folded once the program has been mended. What
 * they change then lies behind what has been published, so it is looked for and published besides.
 */
export interface Mending {
  /** Whether something behind has been folded since it was left out. */
  isDue(model: ModelName): boolean;
  /**
   * Takes in what is left out now.
   *
   * @returns the checkpoint's `mendFrom` from here on.
   */
  note(model: ModelName, found: LeftOut): PublishedModel["mendFrom"];
  /** All that is folded has been published; what is still left out stays. */
  settle(model: ModelName, stopped: readonly StoppedSubject[]): PublishedModel["mendFrom"];
}

export type LeftOut = Readonly<{
  mendFrom: PublishedModel["mendFrom"];
  /** Those that are left out of what has been published. */
  stopped: readonly StoppedSubject[];
  /** Where subjects had stopped that have been seen to go on. */
  resumed: readonly number[];
}>;

/** @param models as they were published last: whether anything was folded since cannot be known. */
export function createMending(models: PublisherCheckpoint["models"]): Mending {
  const due = new Set(MODEL_NAMES.filter((model) => models[model].mendFrom !== null));
  const seen = new Map<ModelName, ReadonlySet<string>>();

  function see(model: ModelName, stopped: readonly StoppedSubject[]): boolean {
    const before = seen.get(model) ?? new Set<string>();
    const now = new Set(stopped.map(({ subject, position }) => `${position}:${subject}`));
    seen.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  return {
    isDue: (model) => due.has(model),
    note(model, { mendFrom, stopped, resumed }) {
      if (see(model, stopped) || resumed.length > 0) due.add(model);
      const pending = due.has(model) && mendFrom !== null ? [mendFrom] : [];
      return least([...stopped.map(({ position }) => position), ...resumed, ...pending]);
    },
    settle(model, stopped) {
      due.delete(model);
      see(model, stopped);
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
