import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildResult, RebuildStep } from "@counterfoil/processing/rebuild";

/** What a worker thread is started with; plain data. */
export type ThreadJob = ModelJob | PublisherJob;
export type ModelJob = Readonly<{
  kind: "projector" | "rebuild";
  config: Config;
  model: ModelName;
}>;
export type PublisherJob = Readonly<{ kind: "publisher"; config: Config }>;

/** Sent to a thread that shall end; it commits what it is at and ends by itself. */
export const STOP = "stop";

/** What a thread that rebuilds a model sends. */
export type RebuildMessage =
  | Readonly<{ kind: "step"; step: RebuildStep }>
  | Readonly<{
      kind: "done";
      outcome: RebuildResult["outcome"];
      position: number;
      /** Where the digests differ: which rows. */
      detail: string | null;
    }>
  | Readonly<{ kind: "failed"; detail: string }>;
