import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { Change } from "../changes/change-rows.ts";
import {
  type FollowedStops,
  followStops,
  type GenerationMoment,
  lower,
} from "../changes/resumed.ts";
import type { Rows } from "../ports/model-store.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import { stoppedStates } from "./stopped-keys.ts";
import { type PublishedModel, type PublisherCheckpoint, withModel } from "./topic-format.ts";

/**
 * A subject stops at an event that a model cannot project, and is resumed when a corrected program
 * runs. Its events then change records at positions already published, so they are republished. The
 * same is done for a key whose record a broker had refused.
 */
export interface StoppedWatch {
  /** Whether a stopped subject was resumed and its model has to be republished. */
  isRepublishDue(model: ModelName): boolean;
  /** Follows the model's stopped subjects to a snapshot of the published generation. */
  follow(model: ModelName, rows: Rows, at: PublishedMoment): Promise<void>;
  /** The published generation has no rows that are published. */
  forget(model: ModelName): void;
  /**
   * Records which keys are stopped now.
   *
   * @returns the checkpoint's new `republishFrom`
   */
  update(model: ModelName, found: Found): PublishedModel["republishFrom"];
  /** Records that the model was republished, and which keys are still stopped. */
  finish(model: ModelName, now: StoppedNow): PublishedModel["republishFrom"];
}

/** A subject that stopped beyond `publishedTo` and is resumed has changed nothing that is published. */
type PublishedMoment = GenerationMoment & Readonly<{ publishedTo: number }>;

type StoppedNow = Readonly<{
  publishedTo: number;
  /** See `stoppedStates`. */
  keys: readonly StoppedSubject[];
}>;

type Found = StoppedNow &
  Readonly<{
    republishFrom: PublishedModel["republishFrom"];
    /** The positions at which resumed subjects had stopped. */
    resumed: readonly number[];
  }>;

/**
 * @param models as last published. It is unknown which subjects were resumed since then, so every model
 *   with stopped ones is due
 */
export function watchStopped(models: PublisherCheckpoint["models"]): StoppedWatch {
  const due = new Set(modelName.options.filter((model) => models[model].republishFrom !== null));
  const subjects: Record<ModelName, FollowedStops> = {
    balances: followStops(),
    withdrawals: followStops(),
    deposits: followStops(),
    trades: followStops(),
  };
  const lastKeys = new Map<ModelName, ReadonlySet<string>>();

  /** Replaces the stopped keys. @returns whether one of the former ones is not stopped any more */
  function replaceKeys(model: ModelName, keys: readonly StoppedSubject[]): boolean {
    const before = lastKeys.get(model) ?? new Set<string>();
    const now = new Set(keys.map(({ subject, position }) => `${position}:${subject}`));
    lastKeys.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  function lowestStopped(model: ModelName, { publishedTo, keys }: StoppedNow): number | null {
    const subject = subjects[model].lowest();
    const published = subject !== null && subject <= publishedTo ? subject : null;
    return keys.map(({ position }) => position).reduce(lower, published);
  }

  return {
    isRepublishDue: (model) => due.has(model),
    async follow(model, rows, { publishedTo, ...moment }) {
      const resumed = await subjects[model].follow(rows, moment);
      if (resumed !== null && resumed <= publishedTo) due.add(model);
    },
    forget(model) {
      subjects[model] = followStops();
    },
    update(model, { republishFrom, resumed, ...now }) {
      if (replaceKeys(model, now.keys) || resumed.length > 0) due.add(model);
      const pending = due.has(model) ? republishFrom : null;
      return [...resumed, pending].reduce(lower, lowestStopped(model, now));
    },
    finish(model, now) {
      due.delete(model);
      replaceKeys(model, now.keys);
      return lowestStopped(model, now);
    },
  };
}

/** Adds to the next checkpoint the stopped and resumed subjects of a batch. */
export function withStopped(
  next: PublisherCheckpoint,
  watch: StoppedWatch,
  changes: readonly Change[],
): PublisherCheckpoint {
  return modelName.options.reduce((checkpoint, model) => {
    const { republishFrom } = checkpoint.models[model];
    const now = { publishedTo: next.position, keys: stoppedStates(next.stopped, model) };
    const found = { ...now, republishFrom, resumed: resumedIn(changes, model) };
    return withModel(checkpoint, model, { republishFrom: watch.update(model, found) });
  }, next);
}

/** The positions at which subjects had stopped whose `stopped` anomaly is closed by the changes. */
function resumedIn(changes: readonly Change[], model: ModelName): readonly number[] {
  return changes
    .filter(({ source, id }) => source.model === model && id.startsWith("stopped:"))
    .map(({ value }) => JSON.parse(value ?? "null") as AnomalyRecord | null)
    .filter((anomaly) => anomaly !== null && anomaly.closed_position !== null)
    .map((anomaly) => Number(anomaly?.opened_position));
}
