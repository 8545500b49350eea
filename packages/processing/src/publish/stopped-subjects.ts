import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { Change } from "../changes/change-rows.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import type { Batch } from "./batch.ts";
import { type PublishedModel, type PublisherCheckpoint, withModel } from "./checkpoint.ts";
import { stoppedStates } from "./stopped-keys.ts";

/**
 * A subject whose event a model cannot project stops there, and goes on once a corrected program
 * runs. What its events change then lies behind what has been published, so it is published again.
 */
export interface StoppedWatch {
  /** Whether a stopped subject has gone on since. */
  isDue(model: ModelName): boolean;
  /**
   * Notes which subjects are stopped now.
   *
   * @returns the checkpoint's `republishFrom` from here on.
   */
  note(model: ModelName, found: Found): PublishedModel["republishFrom"];
  /** What is projected has been published again; subjects that are still stopped stay noted. */
  finish(model: ModelName, stopped: readonly StoppedSubject[]): PublishedModel["republishFrom"];
}

type Found = Readonly<{
  republishFrom: PublishedModel["republishFrom"];
  /** Subjects that are stopped at positions that have been published. */
  stopped: readonly StoppedSubject[];
  /** Where subjects had stopped that are known to have gone on. */
  resumed: readonly number[];
}>;

/** @param models as they were published last: what has gone on since then cannot be known, so all is due. */
export function watchStopped(models: PublisherCheckpoint["models"]): StoppedWatch {
  const due = new Set(modelName.options.filter((model) => models[model].republishFrom !== null));
  const seen = new Map<ModelName, ReadonlySet<string>>();

  /** Replaces what was noted. @returns whether a noted subject is not stopped any more. */
  function remember(model: ModelName, stopped: readonly StoppedSubject[]): boolean {
    const before = seen.get(model) ?? new Set<string>();
    const now = new Set(stopped.map(({ subject, position }) => `${position}:${subject}`));
    seen.set(model, now);
    return [...before].some((one) => !now.has(one));
  }

  return {
    isDue: (model) => due.has(model),
    note(model, { republishFrom, stopped, resumed }) {
      if (remember(model, stopped) || resumed.length > 0) due.add(model);
      const pending = due.has(model) && republishFrom !== null ? [republishFrom] : [];
      return least([...stopped.map(({ position }) => position), ...resumed, ...pending]);
    },
    finish(model, stopped) {
      due.delete(model);
      remember(model, stopped);
      return least(stopped.map(({ position }) => position));
    },
  };
}

/** The next checkpoint, with what a batch shows of stopped subjects. */
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
    return withModel(checkpoint, model, { republishFrom: watch.note(model, found) });
  }, next);
}

/** Where subjects had stopped whose anomaly the changes close. */
function resumedIn(changes: readonly Change[], model: ModelName): readonly number[] {
  return changes
    .filter(({ source, id }) => source.model === model && id.startsWith("stopped:"))
    .map(({ value }) => JSON.parse(value ?? "null") as AnomalyRecord | null)
    .filter((anomaly) => anomaly !== null && anomaly.closed_position !== null)
    .map((anomaly) => Number(anomaly?.opened_position));
}

function least(positions: readonly number[]): number | null {
  return positions.reduce<number | null>(
    (before, position) => (before === null || position < before ? position : before),
    null,
  );
}
