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
import { hadStopped } from "../projection/stopped.ts";
import { liveGeneration } from "./activations.ts";
import { compareRows, describeDifference } from "./compare.ts";
import type { Finding } from "./verify.ts";

/** Projects a model again beside its live generation, which stays unchanged. */
type RefoldOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  hashing: Hashing;
  /** When it aborts, the projected rows are discarded and the signal's reason is thrown. */
  signal?: AbortSignal;
  onProgress?: (position: number, target: number) => void;
}>;

/** Projects further events into the rows that `work` is given. */
type ProjectTo = (position: number) => Promise<Checkpoint>;

/**
 * Projects the stream close to a position into a scratch store, and passes its rows to `work`. The
 * store is removed afterwards, even if the process dies (`ModelCatalogue.openScratch`). It takes no
 * more memory than a rebuild.
 */
async function refold<T>(
  options: RefoldOptions,
  target: () => Promise<number>,
  work: (rows: Rows, projectTo: ProjectTo) => Promise<T>,
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

/** `position`: of the last event that is projected. */
export type ReplayOptions = RefoldOptions & Readonly<{ position: number }>;

/** Projects the stream up to a position, and passes the rows to `work`. */
export function replayModel<T>(
  options: ReplayOptions,
  work: (rows: Rows, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const { position } = options;
  const target = async () => position;
  return refold(options, target, async (rows, projectTo) => work(rows, await projectTo(position)));
}

export type ModelVerification = Readonly<{
  model: ModelName;
  generation: number;
  /** null if it cannot be read. */
  live: Checkpoint | null;
  /** The checkpoint of the model projected again to the same position; null if it was not. */
  refolded: Checkpoint | null;
  findings: readonly Finding[];
  /** Why it was not compared although that was requested; null if it was. */
  notCompared: string | null;
}>;

/** `refold`: projects the model again, and compares digests. */
type VerifyModelOptions = RefoldOptions & Readonly<{ refold: boolean }>;

/**
 * Verifies the live generation of a model: its checkpoint is on this stream, its digests equal those
 * of the model projected again, and its rows add up to them. Readers and writers of the live
 * generation are affected only at the end, when one snapshot of its rows is read.
 *
 * @throws ModelUnavailable if it cannot be projected again (no space, no permission to write)
 */
export async function verifyModel(options: VerifyModelOptions): Promise<ModelVerification> {
  const { stream, catalogue, projection } = options;
  const { model } = projection;
  const { generation } = await liveGeneration(stream, model);
  const known = await catalogue.generations(model);
  const info = known.find((other) => other.generation === generation);
  if (info === undefined) return unreadableGeneration(options, generation);
  const live = info.checkpoint;
  const findings = await checkpointFindings(stream, model, live);
  const verified = { model, generation, live, refolded: null, findings, notCompared: null };
  if (!options.refold || findings.length > 0) return verified;
  if (info.modelVersion === projection.version) return verifyRefolded(options, info);
  const notCompared = `${model}: its rows are of version ${info.modelVersion}, and this program makes those of ${projection.version}`;
  return { ...verified, notCompared };
}

/** A generation that is not listed is missing or damaged; opening it shows which. */
async function unreadableGeneration(
  { catalogue, projection: { model }, refold }: VerifyModelOptions,
  generation: number,
): Promise<ModelVerification> {
  const unread = (why: string): ModelVerification => ({
    ...{ model, generation, live: null, refolded: null, findings: [] },
    notCompared: refold ? `${model}: ${why}` : null,
  });
  try {
    await (await catalogue.openForReading(model, generation)).close();
    return unread("it is being built");
  } catch (error) {
    if (error instanceof ModelCorrupted) return damaged({ model, generation, live: null }, error);
    if (!isEngineError(error)) throw error;
    return unread((error as Error).message);
  }
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
    notCompared: null,
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
    return { model, generation, ...(await compareRefolded(options, reader)), notCompared: null };
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
): Promise<Pick<ModelVerification, "live" | "refolded" | "findings">> {
  const { stream, projection } = options;
  const position = () => reader.snapshot(async (_rows, live) => live.position);
  return refold(options, position, (again, projectTo) =>
    reader.snapshot(async (rows, live) => {
      const findings = await checkpointFindings(stream, projection.model, live);
      if (findings.length > 0) return { live, refolded: null, findings };
      const refolded = await projectTo(live.position);
      findings.push(...(await storedFindings(options, rows, live)));
      if (findings.length > 0) return { live, refolded, findings };
      findings.push(...digestFindings(projection, live, refolded));
      if (findings.length === 0) findings.push(...(await rowFindings(projection, rows, again)));
      if (findings.length === 0 || !(await hadStopped(rows))) return { live, refolded, findings };
      return { live, refolded, findings: [afterStop(projection)] };
    }),
  );
}

/**
 * Compares the rows that no digest covers, such as those of past moments. They follow from the stream as
 * all others do, so they equal those of the model projected again.
 */
async function rowFindings(
  { model, tables }: Projection,
  live: Rows,
  refolded: Rows,
): Promise<readonly Finding[]> {
  const undigested = tables.filter(({ digested, isOwn }) => digested === "none" && !isOwn);
  const [difference] = await compareRows(undigested, live, refolded, 1);
  if (difference === undefined) return [];
  const detail = `${model}: ${describeDifference(difference)}: it was altered beside the projector; rebuild it`;
  return [{ position: null, what: "row", detail }];
}

/** Subjects stopped here; what the model shows of past positions differs even after they went on. */
function afterStop({ model }: Projection): Finding {
  const detail = `${model}: subjects had stopped in this generation, and what it shows of them, or of past positions, is not what the stream folded again has: run \`counterfoil rebuild ${model}\` once none is stopped any more`;
  return { position: null, what: "stopped", detail };
}

function digestFindings(
  { model }: Projection,
  live: Checkpoint,
  refolded: Checkpoint,
): readonly Finding[] {
  const wrong = (["digest", "state_digest"] as const).find((name) => refolded[name] !== live[name]);
  if (wrong === undefined) return [];
  const detail = `${model} has ${wrong} ${live[wrong]} at position ${live.position}; the stream folded again has ${refolded[wrong]}: rebuild it`;
  return [{ position: null, what: "digest", detail }];
}

async function storedFindings(
  { projection: { model, tables }, hashing }: VerifyModelOptions,
  rows: Rows,
  live: Checkpoint,
): Promise<readonly Finding[]> {
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
