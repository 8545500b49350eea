import type { Backends } from "@counterfoil/adapters/connect";
import { keepHeapLean } from "@counterfoil/adapters/node/runtime";
import type { CommandRecord, RebuildRecord } from "@counterfoil/contracts/command-record";
import type { ModelName } from "@counterfoil/contracts/fact";
import {
  describeDifferences,
  describeVersions,
  type RowDifference,
} from "@counterfoil/processing/generations/compare";
import {
  catchUpUnattended,
  lockRebuild,
  type RebuildResult,
  rollbackModel,
  rollbackTarget,
  runRebuild,
  underLock,
} from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { recordAction } from "@counterfoil/processing/operator";
import type { Checkpoint, Row } from "@counterfoil/processing/ports/model-store";
import { Command } from "commander";
import { EXIT } from "../error-report.ts";
import { print, printJson, renderTable, shortDigest, withProgress } from "../output/print.ts";
import { BUILD } from "../program.ts";
import {
  CERTIFICATE_OPTION,
  type CertificateOption,
  certifiedModels,
  checkCertificateFile,
  writeCertificate,
} from "./anchors.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  parseModel,
  parseModelOrAll,
  parsePositive,
  untilInterrupted,
  withLedger,
} from "./context.ts";

type RebuildOptions = JsonOption & ActorOption & CertificateOption & Readonly<{ force?: boolean }>;

export function rebuildCommand(): Command {
  return new Command("rebuild")
    .description("rebuild a model from the stream, compare it with the live one, and activate it")
    .argument("<model|all>", "balances, withdrawals, deposits, trades or all", parseModelOrAll)
    .option("--force", "activate it even if the digests differ")
    .option(...CERTIFICATE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(
      async (
        models: readonly ModelName[],
        { force = false, json = false, ...by }: RebuildOptions,
      ) => {
        const actor = actorOf(by);
        await checkCertificateFile(by);
        const results = await withLedger("write", async (backends) => {
          const begin = (target: ModelName) =>
            recordAction(backends, { action: "rebuild", target, actor });
          const done = await rebuildModels(backends, { models, force, begin });
          await certifyRebuilds(backends, { ...by, actor }, done);
          return done;
        });
        showRebuilds(results, json);
        if (results.some(({ outcome }) => outcome !== "activated"))
          process.exitCode = EXIT.findings;
      },
    );
}

/** Certifies the rebuilds if all were activated. */
async function certifyRebuilds(
  backends: Backends,
  by: CertificateOption & Readonly<{ actor: string }>,
  rebuilds: readonly ModelRebuild[],
): Promise<void> {
  if (rebuilds.some(({ outcome }) => outcome !== "activated")) return;
  const to = Math.max(...rebuilds.map(({ rebuilt }) => rebuilt.position));
  await writeCertificate(backends, by, async () => ({
    statement: "rebuild",
    ...{ from: "1", to: String(to) },
    models: certifiedModels(rebuilds.map(({ model, rebuilt }) => [model, rebuilt])),
  }));
}

type ModelRebuilds = Readonly<{
  models: readonly ModelName[];
  force: boolean;
  /** Called before each build, under its rebuild lock. */
  begin?: (model: ModelName) => Promise<unknown>;
}>;

/** Rebuilds one model after the other; SIGINT stops the current build, and keeps the live generation. */
export async function rebuildModels(
  backends: Backends,
  { models, force, begin = async () => {} }: ModelRebuilds,
): Promise<readonly ModelRebuild[]> {
  keepHeapLean();
  return untilInterrupted(async (signal) => {
    const results: ModelRebuild[] = [];
    for (const model of models) {
      if (signal.aborted) break;
      const options = { backends, projection: PROJECTIONS[model], build: BUILD, force, signal };
      const result = await withProgress(model, (update) =>
        runRebuild(
          { ...options, onProgress: ({ position, target }) => update(position, target) },
          () => begin(model),
        ),
      );
      results.push({ model, ...result });
    }
    return results;
  });
}

const HELP = `
Can run while the service runs, which switches to the new generation by itself.

Examples:
  $ counterfoil rebuild all
  $ counterfoil rebuild balances --force`;

type RollbackOptions = JsonOption & ActorOption & Readonly<{ generation?: number }>;

export function rollbackCommand(): Command {
  return new Command("rollback")
    .description("go back to a kept generation of a model, after catching it up")
    .argument("<model>", "balances, withdrawals, deposits or trades", parseModel)
    .option("--generation <n>", "which one (default: the one before the live one)", parsePositive)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", "\nThe two generations that were live before the current one are kept.")
    .action(async (model: ModelName, { generation, json = false, ...by }: RollbackOptions) => {
      const action = { action: "rollback", target: model, actor: actorOf(by) } as const;
      const result = await withLedger("write", async (backends) => {
        return underLock(await lockRebuild(backends, model), undefined, async (signal) => {
          const options = { ...backends, projection: PROJECTIONS[model], build: BUILD, signal };
          const target = await rollbackTarget(options, generation);
          await recordAction(backends, action);
          const activated = await rollbackModel({ ...options, generation: target });
          await catchUpUnattended(backends, PROJECTIONS[model]);
          return { model, ...activated };
        });
      });
      if (json) printJson<"rollback">(rollbackRecord(result));
      else print(`${model}: generation ${result.generation} is live`);
    });
}

export type ModelRebuild = RebuildResult & Readonly<{ model: ModelName }>;

/** Prints the outcome of each model, as JSON or as a table. */
function showRebuilds(results: readonly ModelRebuild[], json: boolean): void {
  if (json) printJson<"rebuild">(results.map(rebuildRecord));
  else printRebuilds(results);
}

export function rebuildRecord(rebuild: ModelRebuild): RebuildRecord {
  const { outcome, live, differences, versions } = rebuild;
  return {
    ...rollbackRecord(rebuild),
    outcome,
    live: live && checkpointRecord(live),
    differences: differences.map(differenceRecord),
    versions: versions && {
      position: String(versions.position),
      counts: versions.counts,
      samples: versions.samples.map(differenceRecord),
    },
  };
}

function rollbackRecord({
  model,
  generation,
  rebuilt,
  durationMs,
}: Pick<
  ModelRebuild,
  "model" | "generation" | "rebuilt" | "durationMs"
>): CommandRecord<"rollback"> {
  return { model, generation, rebuilt: checkpointRecord(rebuilt), duration_ms: durationMs };
}

export function checkpointRecord({ position, hash, digest, state_digest }: Checkpoint) {
  return { position: String(position), hash, digest, state_digest };
}

function differenceRecord({ table, key, live, rebuilt, columns }: RowDifference) {
  return {
    ...{ table, key: [...key], columns: [...columns] },
    ...{ live: live && rowRecord(live), rebuilt: rebuilt && rowRecord(rebuilt) },
  };
}

/** A row without the integers that JSON has not: they become text. */
function rowRecord(row: Row): Record<string, string | number | null> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}

export function printRebuilds(results: readonly ModelRebuild[]): void {
  const columns = [
    { title: "model" },
    { title: "outcome" },
    { title: "generation", align: "right" },
    { title: "position", align: "right" },
    { title: "live digest" },
    { title: "rebuilt digest" },
    { title: "seconds", align: "right" },
  ] as const;
  const rows = results.map(({ model, outcome, generation, live, rebuilt, durationMs }) => [
    model,
    outcome,
    generation,
    rebuilt.position,
    live && shortDigest(live.digest),
    shortDigest(rebuilt.digest),
    (durationMs / 1000).toFixed(1),
  ]);
  print(renderTable(columns, rows));
  for (const { model, outcome, differences, versions } of results) {
    if (versions !== null) print(`\n${model}: ${describeVersions(versions)}`);
    if (outcome === "refused") {
      print(`\n${model}: ${describeDifferences(differences)}; --force activates it all the same`);
    }
  }
}
