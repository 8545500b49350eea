import type { ModelName } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { isEngineError, ModelCorrupted, ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type {
  Checkpoint,
  GenerationInfo,
  ModelCatalogue,
  ModelReader,
  Rows,
} from "../ports/model-store.ts";
import { storedDigest } from "../projection/digests.ts";
import type { Projection } from "../projection/projection.ts";
import { openProjectionRun, runNear, runTo } from "../projection/run.ts";
import { liveGeneration } from "./activations.ts";
import type { Finding } from "./verify.ts";

/** A model that is folded again, beside its live generation and without touching it. */
type RefoldOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  hashing: Hashing;
  /** Once it aborts, what was folded is thrown away, and the signal's reason is thrown. */
  signal?: AbortSignal;
  onProgress?: (position: number, target: number) => void;
}>;

/** Folds the stream further, into the rows that `work` is given. */
type FoldTo = (position: number) => Promise<Checkpoint>;

/**
 * Folds the stream near to a position into a store of its own, and hands its rows to `work`. The store
 * is none of the model's generations, and is gone afterwards, also where the process dies
 * (`ModelCatalogue.openScratch`). It takes no more memory than a rebuild.
 */
async function refold<T>(
  options: RefoldOptions,
  target: () => Promise<number>,
  work: (rows: Rows, foldTo: FoldTo) => Promise<T>,
): Promise<T> {
  const { stream, catalogue, projection, hashing, signal, onProgress } = options;
  const { model, tables, version: modelVersion } = projection;
  const store = await catalogue.openScratch(model, { tables, modelVersion });
  try {
    const run = await openProjectionRun({ stream, projection, store, hashing });
    await runNear({ stream, signal, ...(onProgress && { onFolded: onProgress }) }, run, target);
    signal?.throwIfAborted();
    return await work(store, (position) => runTo(stream, run, position));
  } finally {
    await store.close();
  }
}

/** `position`: of the last event that is folded. */
export type ReplayOptions = RefoldOptions & Readonly<{ position: number }>;

/** Folds the stream up to a position, and hands the rows to `work`. */
export function replayModel<T>(
  options: ReplayOptions,
  work: (rows: Rows, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const { position } = options;
  const target = async () => position;
  return refold(options, target, async (rows, foldTo) => work(rows, await foldTo(position)));
}

export type ModelVerification = Readonly<{
  model: ModelName;
  generation: number;
  /** null where it cannot be read. */
  live: Checkpoint | null;
  /** What folding the stream again gives at the same position; null where that was not asked for. */
  refolded: Checkpoint | null;
  findings: readonly Finding[];
}>;

/** `refold`: folds the stream again, and compares digests. */
type VerifyModelOptions = RefoldOptions & Readonly<{ refold: boolean }>;

/**
 * Checks the live generation of a model: its checkpoint lies on this stream, its digests are those
 * of the stream folded again, and its rows add up to them. Readers and writers of the live generation
 * meet it only at the end, when one moment of its rows is read through.
 *
 * @returns null where the model has no generation here
 * @throws ModelUnavailable where it cannot be folded again (no space, no right to write)
 */
export async function verifyModel(options: VerifyModelOptions): Promise<ModelVerification | null> {
  const { stream, catalogue, projection } = options;
  const { model } = projection;
  const { generation } = await liveGeneration(stream, model);
  const known = await catalogue.generations(model);
  const info = known.find((other) => other.generation === generation);
  if (info === undefined) return unreadableGeneration(options, generation);
  const live = info.checkpoint;
  const findings = await checkpointFindings(stream, model, live);
  // What another version of the model says is nothing to compare with.
  const isComparable = findings.length === 0 && info.modelVersion === projection.version;
  if (options.refold && isComparable) return verifyRefolded(options, info);
  return { model, generation, live, refolded: null, findings };
}

/** What is not listed is not there, or damaged; whoever opens it is told which. */
async function unreadableGeneration(
  { catalogue, projection: { model } }: VerifyModelOptions,
  generation: number,
): Promise<ModelVerification | null> {
  try {
    await (await catalogue.openForReading(model, generation)).close();
  } catch (error) {
    if (error instanceof ModelCorrupted) return damaged({ model, generation, live: null }, error);
    if (!isEngineError(error)) throw error;
  }
  return null;
}

function damaged(
  verified: Pick<ModelVerification, "model" | "generation" | "live">,
  { message }: ModelCorrupted,
): ModelVerification {
  const detail = `${message}; run \`counterfoil rebuild ${verified.model}\``;
  return {
    ...verified,
    refolded: null,
    findings: [{ position: null, what: "unreadable", detail }],
  };
}

async function verifyRefolded(
  options: VerifyModelOptions,
  { generation, checkpoint: live }: GenerationInfo,
): Promise<ModelVerification> {
  const { catalogue, projection } = options;
  const { model } = projection;
  const reader = await catalogue.openForReading(model, generation);
  try {
    return { model, generation, ...(await compareRefolded(options, reader)) };
  } catch (error) {
    if (error instanceof ModelCorrupted) return damaged({ model, generation, live }, error);
    if (!(error instanceof ModelUnavailable)) throw error;
    const message = `${model} could not be folded again to compare with it: ${error.message}; nothing was changed, and what was built is thrown away`;
    throw new ModelUnavailable(message, { cause: error });
  } finally {
    await reader.close();
  }
}

function compareRefolded(
  options: VerifyModelOptions,
  reader: ModelReader,
): Promise<Omit<ModelVerification, "model" | "generation">> {
  const { stream, projection } = options;
  const position = () => reader.snapshot(async (_rows, live) => live.position);
  return refold(options, position, (_rows, foldTo) =>
    reader.snapshot(async (rows, live) => {
      const findings = await checkpointFindings(stream, projection.model, live);
      if (findings.length > 0) return { live, refolded: null, findings };
      const refolded = await foldTo(live.position);
      findings.push(...(await digestFindings(options, rows, live, refolded)));
      return { live, refolded, findings };
    }),
  );
}

async function digestFindings(
  { projection, hashing }: VerifyModelOptions,
  rows: Rows,
  live: Checkpoint,
  refolded: Checkpoint,
): Promise<readonly Finding[]> {
  const { model, tables } = projection;
  if (refolded.digest !== live.digest) {
    const detail = `${model} has digest ${live.digest} at position ${live.position}; the stream folded again has ${refolded.digest}: rebuild it`;
    return [{ position: null, what: "digest", detail }];
  }
  const stored = await storedDigest(tables, rows, hashing);
  if (stored === live.digest) return [];
  const detail = `${model} has digest ${live.digest} at position ${live.position}, but its rows add up to ${stored}: one was altered beside the projector; rebuild it`;
  return [{ position: null, what: "digest", detail }];
}

async function checkpointFindings(
  stream: EventStream,
  model: ModelName,
  { position, hash }: Checkpoint,
): Promise<Finding[]> {
  if (position === 0) return [];
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  if (event?.hash === hash) return [];
  const detail = `${model} stands at position ${position} with hash ${hash}, the stream has ${event?.hash ?? "nothing"} there`;
  return [{ position, what: "checkpoint", detail }];
}
