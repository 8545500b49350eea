import type { Backends } from "@counterfoil/adapters/connect";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import type { ModelName } from "@counterfoil/contracts/fact";
import { type RebuildResult, runRebuild } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { Command } from "commander";
import { BUILD } from "../build.ts";
import { EXIT } from "../error-report.ts";
import { describeDifferences, describeVersions } from "../output/differences.ts";
import { print, printJson, renderTable, shortDigest } from "../output/print.ts";
import { withProgress } from "../output/progress.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  parseModelOrAll,
  untilInterrupted,
  withLedgerActed,
} from "./context.ts";

type RebuildOptions = JsonOption & ActorOption & Readonly<{ force?: boolean }>;

export type ModelRebuild = RebuildResult & Readonly<{ model: ModelName }>;

export function rebuildCommand(): Command {
  return new Command("rebuild")
    .description(
      "build a model anew from the stream, compare it with the live one, and activate it",
    )
    .argument("<model|all>", "balances, withdrawals, deposits, trades or all", parseModelOrAll)
    .option("--force", "activate it also where the digests differ")
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(
      async (
        models: readonly ModelName[],
        { force = false, json = false, ...by }: RebuildOptions,
      ) => {
        const actor = actorOf(by);
        const action = { action: "rebuild", targets: models, actor } as const;
        const results = await withLedgerActed(action, (backends) =>
          rebuildModels(backends, { models, force }),
        );
        if (json) printJson(results);
        else printRebuilds(results);
        if (results.some(({ outcome }) => outcome !== "activated"))
          process.exitCode = EXIT.findings;
      },
    );
}

/** One after the other; SIGINT ends the one that is being built, and leaves the live one alone. */
export async function rebuildModels(
  backends: Backends,
  { models, force }: Readonly<{ models: readonly ModelName[]; force: boolean }>,
): Promise<readonly ModelRebuild[]> {
  keepHeapLean();
  return untilInterrupted(async (signal) => {
    const results: ModelRebuild[] = [];
    for (const model of models) {
      if (signal.aborted) break;
      const options = { backends, projection: PROJECTIONS[model], build: BUILD, force, signal };
      const result = await withProgress(model, (update) =>
        runRebuild({ ...options, onProgress: ({ position, target }) => update(position, target) }),
      );
      results.push({ model, ...result });
    }
    return results;
  });
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

const HELP = `
Runs beside a running service, which goes over to the new generation by itself.

Examples:
  $ counterfoil rebuild all
  $ counterfoil rebuild balances --force`;
