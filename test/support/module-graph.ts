import { posix } from "node:path";
import { importsOf, type Source, scanSource } from "./source-text.ts";

/** What a file imports: files of ours by path, everything else by name. */
export type Module = Readonly<{
  path: string;
  imports: readonly string[];
  packages: readonly string[];
  /** Relative imports that leave their own package. */
  leaves: readonly string[];
  /** Files that it names in strings: workers, other processes. */
  files: readonly string[];
}>;

const OURS = "@counterfoil/";
const IN_PACKAGES = new Set(["contracts", "core", "processing", "adapters", "consumer-kit"]);

export function moduleOf({ path, text }: Source): Module {
  const { specifiers, files } = importsOf(scanSource(text));
  const relative = specifiers.filter((specifier) => specifier.startsWith("."));
  const resolved = relative.map((specifier) => posix.join(posix.dirname(path), specifier));
  const named = specifiers.filter((specifier) => specifier.startsWith(OURS)).map(pathOf);
  return {
    path,
    imports: [...resolved, ...named],
    packages: specifiers.filter((specifier) => !/^\.|^@counterfoil\//.test(specifier)),
    leaves: resolved.filter((target) => roomFolder(target) !== roomFolder(path)),
    files,
  };
}

/** `@counterfoil/core/exact/money` lies at `packages/core/src/exact/money.ts`. */
function pathOf(specifier: string): string {
  const [name = "", ...rest] = specifier.slice(OURS.length).split("/");
  return `${IN_PACKAGES.has(name) ? "packages" : "services"}/${name}/src/${rest.join("/")}.ts`;
}

/** `packages/core`, `services/gateway`; outside of those the first folder. */
export function roomFolder(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "packages" || first === "services" ? `${first}/${second}` : first;
}

/** Each cycle once, as the files along it. */
export function cyclesIn(modules: readonly Module[]): readonly (readonly string[])[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const from = trail.indexOf(path);
    if (from >= 0) cycles.push([...trail.slice(from), path]);
    if (from >= 0 || done.has(path)) return;
    for (const next of byPath.get(path)?.imports ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const { path } of modules) visit(path, []);
  return cycles;
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
