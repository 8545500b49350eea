import { writeFile } from "node:fs/promises";
import { writeWholeFile } from "@counterfoil/adapters/node/files";
import { nodeBase64 } from "@counterfoil/adapters/node/runtime";
import { readTreeHead } from "@counterfoil/core/audit/tree-head";
import { NotProvable } from "@counterfoil/processing/audit/account-facts";
import { proveAccount } from "@counterfoil/processing/audit/prove-account";
import { Command } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson } from "../output/print.ts";
import { textIn } from "./anchors.ts";
import {
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parsePoint,
  withLedger,
} from "./context.ts";

type ProveOptions = JsonOption & Readonly<{ out: string; at?: Point; since: readonly number[] }>;

/** Writes what an account's balance follows from, so that others can check it. */
export function proveCommand(): Command {
  return new Command("prove")
    .description("write a proof of an account's balance that others can check without this program")
    .argument("<account>", "the account's id")
    .requiredOption("--out <file>", "the file; it is there when it is whole")
    .option("--at <point>", "under the newest head signed at or before it", parsePoint)
    .option("--since <file>", "a head that the auditor holds; may be repeated", addHead, [])
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (account: string, { out, at, since, json }: ProveOptions) => {
      const { text, balance, head } = await withLedger("read", async (backends) => {
        const position = at === undefined ? null : await lastPositionOf(backends.stream, at);
        const options = { ...backends, base64: nodeBase64 };
        return proveAccount(options, { account, at: position, since }).catch(asWrongUsage);
      });
      await writeWholeFile(out, (path) => writeFile(path, text));
      const { position, key_id } = head;
      if (json) return printJson({ file: out, account, balance, position, key_id });
      print(`${out}: ${account} holds ${balance ?? "nothing known"} at position ${position}`);
      print(`signed by key ${key_id}`);
    });
}

function asWrongUsage(error: unknown): never {
  throw error instanceof NotProvable ? new WrongUsage(error.message) : error;
}

/** The size of a head in a file. */
function addHead(file: string, before: readonly number[]): readonly number[] {
  const read = readTreeHead(textIn(file));
  if (!read.ok) throw new WrongUsage(`${file} is no head: ${read.reason}`);
  return [...before, Number(read.signed.tree_size)];
}

const HELP = `
${POINT_HELP}
Give the file to whoever has to believe the balance, with packages/proof-check (docs/audit.md):

  $ counterfoil prove zerohash:DEF456:ABC123:general:available:BTC --out proof.json
  $ node check.mjs proof.json --head head-2026-10.json`;
