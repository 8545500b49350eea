import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hasPython } from "../audit/proofs.ts";
import { ROOT } from "../support/module-graph.ts";
import { playScenario } from "../system/messages.ts";
import { openTestLedger, type TestLedger } from "../system/support.ts";
import { BIN, type Environment, runCommand } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";

const PAGE = readFileSync(join(ROOT, "docs/audit.md"), "utf8");
const FEBRUARY = 1_771_600_000_000_000_000n;
const MARCH = 1_773_100_000_000_000_000n;

let ledger: TestLedger;
let env: Environment;
/** Where the auditor works: with the head of last month, and the folder with the checkers. */
let folder: string;
/** What the page's example figures are here. */
let here: readonly (readonly [string, string])[];

/** A ledger of two months: a head was given away after the first. */
beforeAll(async () => {
  ledger = await openTestLedger({ engine: "sqlite" });
  folder = newFolder();
  env = { COUNTERFOIL_DATA_DIR: ledger.dataDir, COUNTERFOIL_ENVIRONMENT: "production" };
  ledger.clock.set(FEBRUARY);
  await playScenario(ledger, "layer1-deposit");
  const before = await headInto("head-2026-10.json", env);
  ledger.clock.set(MARCH);
  await playScenario(ledger, "balances-feed-use-cases");
  await ledger.catchUp();
  const elsewhere = { ...env, COUNTERFOIL_HEAD_KEY_FILE: join(folder, "their.key") };
  const theirs = await headInto("theirs.json", elsewhere);
  const after = await ledger.stream.head();
  here = [
    ["120431:9f2c…", `${after.position}:${after.hash}`],
    ["<64 hex digits>", theirs.public_key ?? ""],
    ["120431", String(after.position)],
    ["98112", before.position ?? ""],
    ["4711", "7"],
    ["120000", String(after.position - 1)],
    ["100000", before.position ?? ""],
  ];
});

afterAll(async () => {
  await ledger.close();
  removeFolders();
});

async function headInto(name: string, by: Environment): Promise<Record<string, string>> {
  const { code, stderr } = await runCommand(["head", "--out", join(folder, name)], by);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

/** Indented lines that begin with a program, in the order of the page. */
const COMMANDS = [...PAGE.matchAll(/^ {4}((?:counterfoil|node|python3) .*)$/gm)].map(
  ([, line = ""]) => line.replace(/\s+# .*$/, ""),
);

/** @returns what it says; the test fails where it does not end with 0 */
function run(line: string): string {
  const command = here.reduce((text, [shown, real]) => text.replaceAll(shown, real), line);
  const empty = { ...env, COUNTERFOIL_DATA_DIR: join(folder, "moved") };
  const [program = "", ...args] = command.split(" ");
  const environment = command.includes(" import ") ? empty : env;
  const named = { counterfoil: BIN, node: process.execPath, python3: "python3" }[program] ?? "";
  try {
    return execFileSync(named, args, {
      cwd: folder,
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, ...environment },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command}\n${stdout}${stderr}`);
  }
}

/** Without what is another in each installation. */
const plain = (text: string): string =>
  text
    .replace(/position \d+/g, "position N")
    .replace(/signed \d\S+/g, "signed T")
    .trim();

/** The indented block that begins so, and all of it. */
function shown(start: string): string {
  const at = PAGE.indexOf(`    ${start}`);
  const block = at < 0 ? null : /^(?: {4}.*\n)+/.exec(PAGE.slice(at));
  if (block === null) throw new Error(`docs/audit.md shows no "${start}" any more`);
  return block[0].replace(/^ {4}/gm, "").trim();
}

test("docs/audit.md can be followed from its beginning to its end, and shows what is said", () => {
  // What is given away with a proof, and nothing of ours beside it.
  for (const name of ["check.mjs", "check.py"]) {
    copyFileSync(join(ROOT, "packages/proof-check", name), join(folder, name));
  }
  mkdirSync(join(folder, "moved"));
  expect(COMMANDS.length).toBeGreaterThan(20);
  const said = new Map<string, string>();
  for (const line of COMMANDS) {
    if (line.startsWith("python3") && !hasPython) continue;
    said.set(line, run(line));
  }
  const of = (start: string) => {
    const texts = [...said].flatMap(([line, text]) =>
      line.startsWith(start) ? [plain(text)] : [],
    );
    if (texts.length === 0) throw new Error(`docs/audit.md has no command "${start}" any more`);
    return texts;
  };
  const byPython = hasPython ? of("python3 check.py proof") : [];
  for (const text of [...of("node check.mjs proof"), ...byPython]) {
    expect(text).toBe(plain(shown("it holds")));
  }
  for (const text of of("counterfoil verify")) expect(text).toContain("Nothing is wrong.");
  const [explained = ""] = of("counterfoil explain");
  for (const line of shown("run 85693:").split("\n")) expect(explained).toContain(line);
  const [quoted] = /^> decides: (?:.*\n> )*.*$/m.exec(PAGE) ?? [];
  if (quoted === undefined) throw new Error("docs/audit.md quotes no sentence any more");
  // Wrapped, with the lines of the tree.
  expect(explained.replace(/[\s│]+/g, " ")).toContain(quoted.replace(/\n?> /g, " ").trim());
});
