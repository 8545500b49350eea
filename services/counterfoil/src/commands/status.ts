import type { StatusRecord } from "@counterfoil/contracts/record";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { readStatus } from "@counterfoil/processing/queries/status";
import { Command } from "commander";
import { print, printJson, renderTable, shortDigest } from "../output/print.ts";
import { JSON_OPTION, type JsonOption, withLedger } from "./context.ts";

export function statusCommand(): Command {
  return new Command("status")
    .description("show the stream's head and how far each read model has come")
    .option(...JSON_OPTION)
    .action(async ({ json = false }: JsonOption) => {
      const status = await withLedger("read", async (backends) => {
        const models = serveModels(backends);
        try {
          const { ledger, environment, engine } = backends;
          return await readStatus({ ...backends, models }, { ledger, environment, engine });
        } finally {
          await models.close();
        }
      });
      if (json) printJson(status);
      else printStatus(status);
    });
}

function printStatus({ ledger, environment, engine, head, head_hash, projections }: StatusRecord) {
  print(`Ledger "${ledger}" (${environment}) on ${engine}`);
  print(`Head ${head}, hash ${head_hash}\n`);
  const columns = [
    { title: "model" },
    { title: "state" },
    { title: "position", align: "right" },
    { title: "lag", align: "right" },
    { title: "generation", align: "right" },
    { title: "version", align: "right" },
    { title: "stopped keys", align: "right" },
    { title: "digest" },
    { title: "state digest" },
  ] as const;
  const rows = projections.map((projection) => [
    projection.name,
    projection.state,
    projection.position,
    projection.lag,
    projection.generation,
    projection.model_version,
    projection.stopped_keys,
    shortDigest(projection.digest),
    shortDigest(projection.state_digest),
  ]);
  print(renderTable(columns, rows));
}
