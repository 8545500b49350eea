import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { Change } from "../changes/change-rows.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import type { Batch } from "./batch.ts";
import { stoppedStates } from "./stopped-keys.ts";
import { type PublishedModel, type PublisherCheckpoint, withModel } from "./topic-format.ts";

/**
 * A subject stops at an event that a model cannot project, and is resumed when a corrected program
 * runs. Its events then change records at positions already published, so they are republished.
 */
export interface StoppedWatch {
  /** Whether a stopped subject was resumed and its model has to be republished. */
  isRepublishDue(model: ModelName): boolean;
  /**
   * Records which subjects are stopped now.
   *
   * @returns the checkpoint's new `republishFrom`
   */
  update(model: ModelName, found: Found): PublishedModel["republishFrom"];
  /** Records that the model was republished, and which subjects are still stopped. */
  finish(model: ModelName, stopped: readonly StoppedSubject[]): PublishedModel["republishFrom"];
}

type Found = Readonly<{
  republishFrom: PublishedModel["republishFrom"];
  /** Subjects stopped at published positions. */
  stopped: readonly StoppedSubject[];
  /** The positions at which resumed subjects had stopped. */
  resumed: readonly number[];
}>;

/**
 * @param models as last published. It is unknown which subjects were resumed since then, so every model
 *   with stopped ones is due
 */
export function watchStopped(models: PublisherCheckpoint["models"]): StoppedWatch {
  const due = new Set(modelName.options.filter((model) => models[model].republishFrom !== null));
  const lastStopped = new Map<ModelName, ReadonlySet<string>>();

  /** Replaces the stopped subjects. @returns whether one of the former ones is not stopped any more */
  function replaceStopped(model: ModelName, stopped: readonly StoppedSubject[]): boolean {
    const before = lastStopped.get(model) ?? new Set<string>();
    const now = new Set(stopped.map(({ subject, position }) => `${position}:${subject}`));
    lastStopped.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  return {
    isRepublishDue: (model) => due.has(model),
    update(model, { republishFrom, stopped, resumed }) {
      if (replaceStopped(model, stopped) || resumed.length > 0) due.add(model);
      const pending = due.has(model) && republishFrom !== null ? [republishFrom] : [];
      return lowest([...stopped.map(({ position }) => position), ...resumed, ...pending]);
    },
    finish(model, stopped) {
      due.delete(model);
      replaceStopped(model, stopped);
      return lowest(stopped.map(({ position }) => position));
    },
  };
}

/** Adds to the next checkpoint the stopped and resumed subjects of a batch. */
export function withStopped(
  next: PublisherCheckpoint,
  watch: StoppedWatch,
  { changes, stopped }: Pick<Batch, "changes" | "stopped">,
): PublisherCheckpoint {
  return modelName.options.reduce((checkpoint, model) => {
    const { republishFrom } = checkpoint.models[model];
    const found = {
      republishFrom,
      stopped: [
        ...(stopped[model] ?? []).filter(({ position }) => position <= next.position),
        ...stoppedStates(next.stopped, model),
      ],
      resumed: resumedIn(changes, model),
    };
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

function lowest(positions: readonly number[]): number | null {
  return positions.reduce<number | null>(
    (least, position) => (least === null || position < least ? position : least),
    null,
  );
}
