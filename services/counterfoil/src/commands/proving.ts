import { writeFile } from "node:fs/promises";
import { writeWholeFile } from "@counterfoil/adapters/node/files";
import { nodeBase64 } from "@counterfoil/adapters/node/runtime";
import { readTreeHead } from "@counterfoil/core/audit/tree-head";
import { NotProvable } from "@counterfoil/processing/audit/account-facts";
import { createHeads, outsideTree } from "@counterfoil/processing/audit/heads";
import { proveAccount } from "@counterfoil/processing/audit/prove-account";
import { recordAction } from "@counterfoil/processing/operator";
import { Command } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson } from "../output/print.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parseFile,
  parseOut,
  parsePoint,
  parsePositive,
  REPLACED,
  textIn,
  withLedger,
} from "./context.ts";

type HeadOptions = JsonOption & Readonly<{ out?: string; rebuild?: boolean }>;

/** Signs the current stream; appends nothing. */
export function headCommand(): Command {
  return new Command("head")
    .description("sign the stream as it is now, so that others can prove later what was in it")
    .option("--out <file>", `write the head to this file; ${REPLACED}`, parseOut)
    .option("--rebuild", "rebuild the index, even if it contradicts earlier heads")
    .option(...JSON_OPTION)
    .addHelpText("after", HEAD_HELP)
    .action(async ({ out, rebuild = false }: HeadOptions) => {
      const head = await withLedger("read", (backends) => createHeads(backends).make({ rebuild }));
      if (out === undefined) return printJson<"head">(head);
      const text = `${JSON.stringify(head, null, 2)}\n`;
      await writeWholeFile(out, (path) => writeFile(path, text));
      print(`${out}: position ${head.position}, root ${head.root}, key ${head.key_id}`);
    })
    .addCommand(rotateCommand());
}

function rotateCommand(): Command {
  return new Command("rotate")
    .description("replace the signing key; appends the event of the rotation")
    .option(...ACTOR_OPTION)
    .action(async (by: ActorOption) => {
      const action = { action: "rotate_head_key", actor: actorOf(by) } as const;
      const { old_key, new_key } = await withLedger("write", (backends) =>
        createHeads(backends).rotate(() => recordAction(backends, action)),
      );
      printJson<"head rotate">({ old_key, new_key });
    });
}

const HEAD_HELP = `
Prints a signed tree head as JSON. Give it to somebody else, who can later verify that nothing before
it was altered, removed or added (counterfoil verify --head FILE).
After the restore of a backup the stream contradicts earlier heads, and none is signed without
--rebuild.`;

/** Proofs under signed heads, as HTTP gives them. */
export function proofCommand(): Command {
  const inclusion = new Command("inclusion")
    .description("prove that a head covers the event at a position")
    .argument("<position>", "the position of the event", parsePositive)
    .option("--size <n>", "the head's tree_size (default: the newest)", parsePositive)
    .action(async (position: number, { size }: Readonly<{ size?: number }>) => {
      if (size !== undefined && position > size) {
        throw new WrongUsage(outsideTree(position, size));
      }
      printJson<"proof inclusion">(
        await withLedger("read", (backends) =>
          createHeads(backends).proveInclusion(position, size),
        ),
      );
    });
  const consistency = new Command("consistency")
    .description("prove that a later head covers everything that an earlier one covered")
    .argument("<from>", "the earlier head's tree_size", parsePositive)
    .argument("<to>", "the later head's tree_size", parsePositive)
    .action(async (from: number, to: number) => {
      if (from > to) throw new WrongUsage(`${from} is behind ${to}: turn them around`);
      printJson<"proof consistency">(
        await withLedger("read", (backends) => createHeads(backends).proveConsistency(from, to)),
      );
    });
  return new Command("proof")
    .description("print a proof under a signed head, as JSON")
    .addCommand(inclusion)
    .addCommand(consistency);
}

type ProveOptions = JsonOption & Readonly<{ out: string; at?: Point; since: readonly number[] }>;

/** Writes a proof of an account's balance, which others can check. */
export function proveCommand(): Command {
  return new Command("prove")
    .description("write a proof of an account's balance that others can check without this program")
    .argument("<account>", "the account's id")
    .requiredOption(
      "--out <file>",
      `the file; it appears when it is complete; ${REPLACED}`,
      parseOut,
    )
    .option("--at <point>", "under the newest head signed at or before it", parsePoint)
    .option("--since <file>", "a head that the auditor holds; may be repeated", addHead, [])
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (account: string, { out, at, since, json }: ProveOptions) => {
      const { parts, balance, head } = await withLedger("read", async (backends) => {
        const position = at === undefined ? null : await lastPositionOf(backends.stream, at);
        const options = { ...backends, base64: nodeBase64 };
        return proveAccount(options, { account, at: position, since }).catch(refuseUnprovable);
      });
      await writeWholeFile(out, (path) => writeFile(path, parts));
      const { position, key_id } = head;
      if (json) return printJson<"prove">({ file: out, account, balance, position, key_id });
      print(`${out}: ${account} holds ${balance ?? "nothing known"} at position ${position}`);
      print(`signed by key ${key_id}`);
    });
}

function refuseUnprovable(error: unknown): never {
  throw error instanceof NotProvable ? new WrongUsage(error.message) : error;
}

/** Adds the tree size of the head in a file. */
function addHead(file: string, before: readonly number[]): readonly number[] {
  const read = readTreeHead(textIn(parseFile(file)));
  if (!read.ok) throw new WrongUsage(`${file} is no head: ${read.reason}`);
  return [...before, Number(read.signed.tree_size)];
}

const HELP = `
${POINT_HELP}
Give the file to the auditor of the balance, with packages/proof-check (docs/audit.md):

  $ counterfoil prove zerohash:DEF456:ABC123:general:available:BTC --out proof.json
  $ node check.mjs proof.json --head head-2026-10.json`;
