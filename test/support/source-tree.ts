import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Source } from "./source-text.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const NOT_OURS = new Set(["node_modules", "data", "coverage"]);

/** Every TypeScript file under these folders. */
export function readSources(folders: readonly string[]): readonly Source[] {
  return folders.flatMap((folder) => filesUnder(join(ROOT, folder))).map(read);
}

const read = (file: string): Source => ({
  path: relative(ROOT, file).replaceAll(sep, "/"),
  text: readFileSync(file, "utf8"),
});

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith(".") || NOT_OURS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

export function foldersIn(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
}

/** Names of the packages that a folder's package.json declares as dependencies. */
export function declaredPackages(folder: string): readonly string[] {
  const text = readFileSync(join(ROOT, folder, "package.json"), "utf8");
  return Object.keys((JSON.parse(text) as { dependencies?: object }).dependencies ?? {});
}
