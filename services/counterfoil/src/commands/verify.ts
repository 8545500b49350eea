import type { Backends } from "@counterfoil/adapters/connect";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import {
  type Finding,
  type ModelVerification,
  type StreamVerification,
  verifyModel,
  verifyStream,
} from "@counterfoil/processing/verify";
import { Command } from "commander";
import { EXIT } from "../error-report.ts";
import { print, printJson, renderTable, shortDigest } from "../output/print.ts";
import { createProgress } from "../output/progress.ts";
import { JSON_OPTION, type JsonOption, withUncheckedLedger } from "./context.ts";

type VerifyOptions = JsonOption & Readonly<{ models?: boolean; bodies: boolean }>;

export function verifyCommand(): Command {
  return new Command("verify")
    .description("check the hash chain, positions, bodies and checkpoints")
    .option("--models", "also fold the stream again, and compare the digests")
    .option("--no-bodies", "leave out the bodies of deliveries")
    .option(...JSON_OPTION)
    .addHelpText("after", "\nEnds with 1 where something is wrong, naming the first bad position.")
    .action(async ({ models = false, bodies, json = false }: VerifyOptions) => {
      const { stream, verified } = await withUncheckedLedger(async (backends) => {
        const stream = await verifyWholeStream(backends, bodies);
        // A projection of a stream whose chain is broken proves nothing.
        const refold = models && stream.findings.length === 0;
        return { stream, verified: await verifyModels(backends, refold) };
      });
      const findings = [...stream.findings, ...verified.flatMap((model) => model.findings)];
      if (json) printJson({ ...stream, findings, models: verified });
      else printVerification(stream, verified, findings);
      if (findings.length > 0) process.exitCode = EXIT.findings;
    });
}

async function verifyWholeStream(backends: Backends, bodies: boolean): Promise<StreamVerification> {
  const progress = createProgress("verify");
  try {
    return await verifyStream({ ...backends, bodies, onProgress: progress.update });
  } finally {
    progress.stop();
  }
}

async function verifyModels(
  backends: Backends,
  refold: boolean,
): Promise<readonly ModelVerification[]> {
  const verified: ModelVerification[] = [];
  for (const model of MODEL_NAMES) {
    const options = { ...backends, projection: PROJECTIONS[model], refold };
    const verification = await verifyModel(options);
    if (verification !== null) verified.push(verification);
  }
  return verified;
}

function printVerification(
  { events, bodies, head }: StreamVerification,
  models: readonly ModelVerification[],
  findings: readonly Finding[],
): void {
  print(`${events} events checked up to hash ${head.hash}, ${bodies} bodies\n`);
  const columns = [
    { title: "model" },
    { title: "generation", align: "right" },
    { title: "position", align: "right" },
    { title: "digest" },
    { title: "folded again" },
  ] as const;
  const rows = models.map(({ model, generation, live, refolded }) => [
    model,
    generation,
    live.position,
    shortDigest(live.digest),
    refolded && shortDigest(refolded.digest),
  ]);
  if (rows.length > 0) print(`${renderTable(columns, rows)}\n`);
  for (const { position, what, detail } of findings) {
    print(`${position === null ? "" : `position ${position}: `}${what}: ${detail}`);
  }
  print(findings.length === 0 ? "Nothing is wrong." : `${findings.length} findings.`);
}
