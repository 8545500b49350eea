import type { Backends } from "@counterfoil/adapters/connect";
import { counted } from "@counterfoil/core/exact/text";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { type RetranslateResult, retranslate } from "@counterfoil/processing/ingest/retranslate";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { Command } from "commander";
import { EXIT } from "../error-report.ts";
import { print, printJson, withProgress } from "../output/print.ts";
import { READING } from "../threads/reading.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  withRecordedAction,
} from "./context.ts";
import { type ModelRebuild, printRebuilds, rebuildModels, rebuildRecord } from "./rebuild.ts";

type RetranslateOptions = JsonOption & ActorOption & Readonly<{ rebuild: boolean }>;

export function retranslateCommand(): Command {
  return new Command("retranslate")
    .description(
      "read all stored deliveries with the current translation and record its corrections",
    )
    .option("--no-rebuild", "do not rebuild the models; they process the corrections as new events")
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", "\nRunning it twice records nothing the second time.")
    .action(async ({ rebuild, json = false, ...by }: RetranslateOptions) => {
      const action = { action: "retranslate", actor: actorOf(by) } as const;
      const { result, rebuilds } = await withRecordedAction(action, async (backends) => {
        const result = await retranslateAll(backends);
        const isChanged = Object.keys(result.appended).length > 0;
        const models = rebuild && isChanged ? MODEL_NAMES : [];
        return { result, rebuilds: await rebuildModels(backends, { models, force: false }) };
      });
      if (json) {
        const { bodiesGone, ...counts } = result;
        const built = rebuilds.map(rebuildRecord);
        printJson<"retranslate">({ ...counts, bodies_gone: bodiesGone, rebuilds: built });
      } else printRetranslation(result, rebuilds);
      if (rebuilds.some(({ outcome }) => outcome !== "activated")) process.exitCode = EXIT.findings;
    });
}

function retranslateAll(backends: Backends): Promise<RetranslateResult> {
  return withProgress("retranslate", (update) =>
    retranslate({
      ...backends,
      ...READING,
      onProgress: (_step, position, head) => update(position, head),
    }),
  );
}

function printRetranslation(
  { deliveries, appended, bodiesGone, unreadable }: RetranslateResult,
  rebuilds: readonly ModelRebuild[],
): void {
  print(
    `${counted(deliveries, "delivery", "deliveries")} read with translation ${TRANSLATIONS.present}`,
  );
  const counts = Object.entries(appended).map(([type, count]) => `${count} ${type}`);
  print(counts.length === 0 ? "Nothing was to be corrected." : `Recorded: ${counts.join(", ")}`);
  if (bodiesGone > 0) {
    print(`${counted(bodiesGone, "body", "bodies")} erased before; the facts stay as they are`);
  }
  if (unreadable.length > 0) {
    const all = counted(unreadable.length, "delivery", "deliveries");
    print(`${all} cannot be read any more: ${unreadable.join(", ")}`);
  }
  if (rebuilds.length > 0) {
    print("");
    printRebuilds(rebuilds);
  }
}
