import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { printStable } from "@counterfoil/contracts/documents/schema-documents";

const CONTRACTS = join(import.meta.dirname, "../../../../packages/contracts");

/** What the present program says. */
export const GENERATED = join(CONTRACTS, "generated");
/** What version 1 promised: it grows, and nothing of it is taken back. */
export const BASELINE = join(CONTRACTS, "baseline", "v1");

/** The files of a folder by path within it, with `/` between the steps. */
export function readFolder(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(
    paths.map((path) => [relative(folder, path).replaceAll(sep, "/"), readFileSync(path, "utf8")]),
  );
}

export function printed(documents: ReadonlyMap<string, unknown>): ReadonlyMap<string, string> {
  return new Map([...documents].map(([path, document]) => [path, printStable(document)]));
}

export function parsed(files: ReadonlyMap<string, string>) {
  return new Map([...files].map(([path, text]) => [path, JSON.parse(text)]));
}

/** Makes the folder hold these files and no others. */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
