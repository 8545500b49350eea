import { loadConfig } from "@counterfoil/adapters/config";
import { connect } from "@counterfoil/adapters/connect";
import { nodeBase64 } from "@counterfoil/adapters/node/base64";
import { readLines } from "@counterfoil/adapters/node/files";
import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { verifyEd25519 } from "@counterfoil/adapters/node/head-key";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import type { Config } from "@counterfoil/contracts/config";
import { emptyHead, type Head } from "@counterfoil/core/stream/chain";
import { checkExport, importLedger } from "@counterfoil/processing/exports/import-ledger";
import { StreamMissing } from "@counterfoil/processing/ports/errors";
import { Command } from "commander";
import { print, printJson } from "../output/print.ts";
import { withProgress } from "../output/progress.ts";
import { withBackends } from "../service/open-ledger.ts";
import { createDataFolder } from "../service/surroundings.ts";
import { JSON_OPTION, type JsonOption, untilInterrupted } from "./context.ts";

export function importCommand(): Command {
  return new Command("import")
    .description("load a jsonl export into the empty ledger that is configured")
    .argument("<file>", "what counterfoil export wrote")
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (file: string, { json = false }: JsonOption) => {
      keepHeapLean();
      const { resumedAt, head, bodies } = await untilInterrupted((signal) =>
        importFile(loadConfig(process.env), file, signal),
      );
      if (json) {
        return printJson({
          position: head.position,
          hash: head.hash,
          bodies,
          resumed_at: resumedAt,
        });
      }
      if (resumedAt > 0) print(`went on behind position ${resumedAt}`);
      print(`${head.position} events up to hash ${head.hash}, ${bodies} bodies`);
    });
}

/** Twice through the file: nothing of one that is refused gets into the ledger. */
async function importFile(config: Config, file: string, signal: AbortSignal) {
  const names = { name: config.COUNTERFOIL_LEDGER, environment: config.COUNTERFOIL_ENVIRONMENT };
  const lines = () => readLines(file);
  const reading = {
    names,
    hashing: nodeHashing,
    base64: nodeBase64,
    verify: verifyEd25519,
    lines,
    signal,
  };
  const held = await headOf(config);
  await withProgress("check", (onProgress) => checkExport({ ...reading, onProgress }, held));
  createDataFolder(config);
  return withBackends(connect(config, "write"), ({ stream }) =>
    withProgress("import", (onProgress) => importLedger({ ...reading, stream, onProgress })),
  );
}

/** Of what is there already; a look that creates nothing. */
async function headOf(config: Config): Promise<Head> {
  try {
    return await withBackends(connect(config, "read"), ({ stream }) => stream.head());
  } catch (error) {
    if (error instanceof StreamMissing) return emptyHead(config.COUNTERFOIL_LEDGER, nodeHashing);
    throw error;
  }
}

const HELP = `
The ledger has to be empty, and its COUNTERFOIL_LEDGER and COUNTERFOIL_ENVIRONMENT those of the export;
the engine may be any. Positions, times of recording and hashes stay. The file is checked from its
first to its last line before anything is written; an import that was stopped goes on when it is
started again. Let no service run on the ledger until it has ended.

Example:
  $ COUNTERFOIL_POSTGRES_URL=postgres://… counterfoil import ledger.jsonl`;
