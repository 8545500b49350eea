import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { nodeBase64 } from "@counterfoil/adapters/node/runtime";
import {
  type ProveOptions,
  type ProveQuery,
  proveAccount,
} from "@counterfoil/processing/audit/prove-account";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { ROOT } from "../support/module-graph.ts";
import { hashing, LEDGER, type TestLedger } from "../system/support.ts";

/** What a checker ends with, and what it says. */
export type Checked = readonly [code: number, lines: readonly string[]];
export type Check = (args: readonly string[]) => Promise<Checked>;

const folderOf = (name: string) => join(ROOT, "packages/proof-check", name);

export const { check: checkByNode }: { check: Check } = await import(folderOf("check.mjs"));

export const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** The Python checker in one process, which is asked line by line. */
export function startPython(): Readonly<{ check: Check; end: () => Promise<void> }> {
  const child: ChildProcess = spawn("python3", [folderOf("check.py"), "--many"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting: ((checked: Checked) => void)[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) =>
    waiting.shift()?.(JSON.parse(line)),
  );
  return {
    check: (args) =>
      new Promise((done) => {
        waiting.push(done);
        child.stdin?.write(`${JSON.stringify(args)}\n`);
      }),
    end: () =>
      new Promise((done) => {
        child.once("close", () => done());
        child.stdin?.end();
      }),
  };
}

/** A proof with its file as one text. */
export async function proofOf(options: ProveOptions, query: ProveQuery) {
  const { parts, ...proof } = await proveAccount(options, query);
  return { ...proof, text: Buffer.concat(parts).toString() };
}

/** A folder of files, a key that signs, and what is asked of a ledger. */
export function auditor({ stream, catalogue, clock }: TestLedger) {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-audit-"));
  const signer = createHeadKeyFile(join(folder, "head.key"));
  const locks = createMemoryRoleLocks();
  const options = { ledger: LEDGER, stream, catalogue, clock, hashing, locks, signer };
  return {
    signer,
    options,
    prove: (account: string, at: number | null = null, since: readonly number[] = []) =>
      proofOf({ ...options, base64: nodeBase64 }, { account, at, since }),
    /** Writes a file, and says where. */
    file(name: string, text: string): string {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}
