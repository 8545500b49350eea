import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RowDifference } from "@counterfoil/processing/compare-rows";
import type { VersionDifferences } from "@counterfoil/processing/compare-versions";
import { liveGeneration } from "@counterfoil/processing/generations";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { type HeldLock, projectorLock } from "@counterfoil/processing/ports/role-lock";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { pruneGenerations } from "@counterfoil/processing/prune-generations";
import { RebuildRunning } from "@counterfoil/processing/queries/rebuilds";
import {
  type RebuildResult,
  type RebuildStep,
  rebuildModel,
} from "@counterfoil/processing/rebuild";
import { BUILD } from "./build.ts";

export type RebuildJob = Readonly<{
  backends: Backends;
  model: ModelName;
  force: boolean;
  signal?: AbortSignal;
  onProgress?: (step: RebuildStep) => void;
}>;

/** @throws RebuildRunning where this model is being rebuilt, by whatever process. */
export async function lockRebuild(
  { locks }: Pick<Backends, "locks">,
  model: ModelName,
): Promise<HeldLock> {
  const lock = await locks.tryAcquire(`rebuild-${model}`);
  if (lock !== null) return lock;
  throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
}

/** Rebuilds a model, with nobody else at it; a generation that does not become live is dropped. */
export async function runRebuild(job: RebuildJob): Promise<RebuildResult> {
  const lock = await lockRebuild(job.backends, job.model);
  try {
    return await rebuildLocked(job);
  } finally {
    await lock.release();
  }
}

/** The same for who holds the lock already. */
export async function rebuildLocked({ backends, model, ...rest }: RebuildJob) {
  const result = await rebuildModel({
    ...backends,
    ...rest,
    projection: PROJECTIONS[model],
    build: BUILD,
  });
  // Kept, it would be what a rollback goes back to.
  if (result.outcome !== "activated") await backends.catalogue.drop(model, result.generation);
  else {
    await catchUpUnattended(backends, model);
    await pruneGenerations({ ...backends, model });
  }
  return result;
}

const LOCK_WAIT_MS = 250;

/** Where no projector runs, projects the live generation past its activation, so that it is served. */
export async function catchUpUnattended(backends: Backends, model: ModelName): Promise<void> {
  const { locks, stream, catalogue, hashing } = backends;
  // Not a single try: who asks for the status may hold the lock for a moment.
  const lock = await locks.acquire(projectorLock(model), AbortSignal.timeout(LOCK_WAIT_MS));
  if (lock === null) return;
  try {
    const { generation } = await liveGeneration(stream, model);
    const store = await catalogue.openForWriting(model, generation);
    try {
      const projection = PROJECTIONS[model];
      const run = await openProjectionRun({ stream, projection, store, hashing });
      await runTo(stream, run, (await stream.head()).position);
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}

const SHOWN = 5;

/** The first differing rows, in words. */
export function describeDifferences(differences: readonly RowDifference[]): string {
  const shown = differences.slice(0, SHOWN).map(describeDifference);
  const more = differences.length > SHOWN ? [`and ${differences.length - SHOWN} more rows`] : [];
  return ["live and rebuilt rows differ", ...shown, ...more].join("; ");
}

/** What a new model version says otherwise: how many rows, and the first of them. */
export function describeVersions({ position, counts, samples }: VersionDifferences): string {
  const tables = Object.entries(counts).map(([table, count]) =>
    count === null ? `${table}: laid out otherwise` : `${table}: ${count} rows differ`,
  );
  const at = `at position ${position}, against the version before: ${tables.join(", ")}`;
  return [at, ...samples.map(describeDifference)].join("; ");
}

function describeDifference({ table, key, live, rebuilt, columns }: RowDifference): string {
  const row = `${table} ${key.join("/")}`;
  if (live === null) return `${row} is only in the rebuilt model`;
  if (rebuilt === null) return `${row} is only in the live model`;
  return `${row} differs in ${columns.join(", ")}`;
}
