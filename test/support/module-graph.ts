import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a file imports: files of ours by path, everything else by name. */
export type Module = Readonly<{
  path: string;
  /** Of these `runtime` are there when the program runs; the others are types alone. */
  imports: readonly string[];
  runtime: readonly string[];
  packages: readonly string[];
  /** Relative imports that leave their own package. */
  leaves: readonly string[];
  /** Files that it names in strings: workers, other processes. */
  files: readonly string[];
  /** What it declares for others. */
  exports: readonly string[];
  /** Every word of its text. */
  words: ReadonlySet<string>;
}>;

/** Every TypeScript file under these folders. */
export function readModules(folders: readonly string[]): readonly Module[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((path) => /\.tsx?$/.test(path) && !/\/(?:node_modules|dist)\//.test(path))
    .map((path) => moduleOf(path.replaceAll(sep, "/"), readFileSync(join(ROOT, path), "utf8")));
}

/** An import or a re-export stands at the beginning of a line: the formatter sees to that. */
const STATIC = /^(?:import|export)\b(?<what>[^"';]*?\bfrom\s*)?\s*"(?<specifier>[^"]+)"/gm;
const LAZY = /\bimport\("(?<specifier>[^"]+)"\)/g;
const EXPORTED = /^export (?:async )?(?:const|let|function\*?|class|interface|type) (?<name>\w+)/gm;
const NAMED_FILE = /"(?<file>[^"\s]+\.tsx?)"/g;
const TYPES_ONLY = /^\s*type\b|^\s*\{(?:\s*type\s+[\w$ ]+,?)+\s*\}/;

export function moduleOf(path: string, text: string): Module {
  const found = [...text.matchAll(STATIC), ...text.matchAll(LAZY)].map(({ groups }) => ({
    specifier: groups?.specifier ?? "",
    isType: TYPES_ONLY.test(groups?.what ?? ""),
  }));
  const ours = found
    .filter(({ specifier }) => /^\.|^@counterfoil\//.test(specifier))
    .map(({ specifier, isType }) => ({ target: targetOf(specifier, path), specifier, isType }));
  return {
    path,
    imports: ours.map(({ target }) => target),
    runtime: ours.filter(({ isType }) => !isType).map(({ target }) => target),
    packages: found
      .map(({ specifier }) => specifier)
      .filter((name) => !/^\.|^@counterfoil\//.test(name)),
    leaves: ours
      .filter(
        ({ specifier, target }) =>
          specifier.startsWith(".") && roomFolder(target) !== roomFolder(path),
      )
      .map(({ target }) => target),
    files: [...text.matchAll(NAMED_FILE)].map(({ groups }) => groups?.file ?? ""),
    exports: [...text.matchAll(EXPORTED)].map(({ groups }) => groups?.name ?? ""),
    words: new Set(text.match(/\w+/g)),
  };
}

const IN_PACKAGES: ReadonlySet<string> = new Set(readdirSync(join(ROOT, "packages")));

/**
 * `@counterfoil/core/exact/money` lies at `packages/core/src/exact/money.ts`, `@counterfoil/client`
 * at `packages/client/src/client.ts`.
 */
function targetOf(specifier: string, from: string): string {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  const [, name = "", ...rest] = specifier.split("/");
  return `${IN_PACKAGES.has(name) ? "packages" : "services"}/${name}/src/${rest.join("/") || name}.ts`;
}

/** `packages/core`, `services/gateway`; outside of those the first folder. */
export function roomFolder(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "packages" || first === "services" ? `${first}/${second}` : first;
}

/** Files that no other file imports or names. */
export function orphansIn(
  modules: readonly Module[],
  entryPoints: readonly string[],
): readonly string[] {
  const used = new Set([...entryPoints, ...modules.flatMap(({ imports }) => imports)]);
  const named = new Set(modules.flatMap(({ files }) => files.map((file) => posix.basename(file))));
  return modules
    .map(({ path }) => path)
    .filter((path) => !used.has(path) && !named.has(posix.basename(path)));
}

/** Exports that no file which imports theirs names. */
export function unusedExportsIn(modules: readonly Module[]): readonly string[] {
  const importersOf = new Map<string, Module[]>();
  for (const module of modules) {
    for (const target of module.imports) {
      importersOf.set(target, [...(importersOf.get(target) ?? []), module]);
    }
  }
  return modules.flatMap(({ path, exports }) =>
    exports
      .filter((name) => !importersOf.get(path)?.some(({ words }) => words.has(name)))
      .map((name) => `${path} exports ${name}`),
  );
}

export function foldersIn(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
}

/** Names of the packages that a folder's package.json declares as dependencies. */
export function declaredPackages(folder: string): readonly string[] {
  const text = readFileSync(join(ROOT, folder, "package.json"), "utf8");
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(text) as Readonly<
    Record<string, Readonly<Record<string, string>>>
  >;
  return Object.keys({ ...dependencies, ...peerDependencies });
}
