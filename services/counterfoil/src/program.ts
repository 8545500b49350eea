import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as Readonly<{ version: string }>;

export const VERSION = version;

/** Names this program in the activations that it records. */
export const BUILD = `counterfoil ${version}`;

const FOLDER = fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url));

/**
 * Keeps what Node makes of the sources, for the next start and for the worker threads, which ask the
 * environment: without it every thread strips and compiles them anew, which takes a third of a second
 * and 12 MB each. To be called before anything else is imported; `bin/counterfoil` does so before this
 * file. Beside the program rather than in the shared temporary folder, where others could put code;
 * where nothing may be written there, it is as if it were not called.
 */
export function keepCompiled(): void {
  process.env.NODE_COMPILE_CACHE ??= FOLDER;
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
}
