import type { ModelName } from "@counterfoil/contracts/fact";
import {
  catchUpUnattended,
  lockRebuild,
  rollbackModel,
} from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { Command } from "commander";
import { BUILD } from "../build.ts";
import { print, printJson } from "../output/print.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  parseModel,
  parsePositive,
  withLedgerActed,
} from "./context.ts";

type RollbackOptions = JsonOption & ActorOption & Readonly<{ generation?: number }>;

export function rollbackCommand(): Command {
  return new Command("rollback")
    .description("go back to a kept generation of a model, after catching it up")
    .argument("<model>", "balances, withdrawals, deposits or trades", parseModel)
    .option("--generation <n>", "which one (default: the one before the live one)", parsePositive)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", "\nKept are the two generations that were live before the present one.")
    .action(async (model: ModelName, { generation, json = false, ...by }: RollbackOptions) => {
      const action = { action: "rollback", targets: [model], actor: actorOf(by) } as const;
      const result = await withLedgerActed(action, async (backends) => {
        const lock = await lockRebuild(backends, model);
        try {
          const options = { ...backends, projection: PROJECTIONS[model], build: BUILD };
          const wanted = generation === undefined ? {} : { generation };
          const activated = await rollbackModel({ ...options, ...wanted });
          await catchUpUnattended(backends, PROJECTIONS[model]);
          return { model, ...activated };
        } finally {
          await lock.release();
        }
      });
      if (json) printJson(result);
      else print(`${model}: generation ${result.generation} is live`);
    });
}
