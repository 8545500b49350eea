import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as Readonly<{ version: string }>;

export const VERSION = version;

/** Identifies this program in the activations that it records. */
export const BUILD = `counterfoil ${version}`;

const FOLDER = fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url));

/**
 * Enables Node's compile cache for the next start and, through the environment, for the worker
 * threads: without it every thread strips and compiles the sources again, which takes a third of a
 * second and 12 MB each. To be called before anything else is imported; `bin/counterfoil` enables it
 * before this file is loaded. The cache is beside the program rather than in the shared temporary
 * folder, where others could put code; if the folder is not writable, this has no effect.
 */
export function keepCompiled(): void {
  process.env.NODE_COMPILE_CACHE ??= FOLDER;
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
}
