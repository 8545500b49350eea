import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildResult } from "@counterfoil/processing/generations/rebuild";
import { describeDifferences, describeVersions } from "./differences.ts";
import { print, printJson, renderTable, shortDigest } from "./print.ts";

export type ModelRebuild = RebuildResult & Readonly<{ model: ModelName }>;

/** What became of each model, for programs or as a table. */
export function showRebuilds(results: readonly ModelRebuild[], json: boolean): void {
  if (json) printJson(results);
  else printRebuilds(results);
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
