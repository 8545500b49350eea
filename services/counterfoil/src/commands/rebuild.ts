import type { Backends } from "@counterfoil/adapters/connect";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import type { ModelName } from "@counterfoil/contracts/fact";
import { runRebuild } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { Command } from "commander";
import { BUILD } from "../build.ts";
import { EXIT } from "../error-report.ts";
import { withProgress } from "../output/progress.ts";
import { type ModelRebuild, showRebuilds } from "../output/rebuilds.ts";
import {
  CERTIFICATE_OPTION,
  type CertificateOption,
  certifiedModels,
  checkCertificateFile,
  writeCertificate,
} from "./certificate.ts";
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

type RebuildOptions = JsonOption & ActorOption & CertificateOption & Readonly<{ force?: boolean }>;

export function rebuildCommand(): Command {
  return new Command("rebuild")
    .description(
      "build a model anew from the stream, compare it with the live one, and activate it",
    )
    .argument("<model|all>", "balances, withdrawals, deposits, trades or all", parseModelOrAll)
    .option("--force", "activate it also where the digests differ")
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
        const action = { action: "rebuild", targets: models, actor } as const;
        await checkCertificateFile(by);
        const results = await withLedgerActed(action, async (backends) => {
          const done = await rebuildModels(backends, { models, force });
          await certifyRebuilds(backends, { ...by, actor }, done);
          return done;
        });
        showRebuilds(results, json);
        if (results.some(({ outcome }) => outcome !== "activated"))
          process.exitCode = EXIT.findings;
      },
    );
}

/** What is not live is not certified. */
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

const HELP = `
Runs beside a running service, which goes over to the new generation by itself.

Examples:
  $ counterfoil rebuild all
  $ counterfoil rebuild balances --force`;
