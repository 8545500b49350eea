import { fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";
import type { Bundle } from "./build.ts";

export type { Bundle, ServedFile } from "./build.ts";

/** The console's files, built once for a process. */
export type Console = Readonly<{
  /**
   * Builds them where nobody has asked yet.
   *
   * @throws Error where they cannot be built; the next one who asks tries again
   */
  bundle: () => Promise<Bundle>;
  /** Gives up a build that is under way. */
  stop: () => void;
}>;

export function createConsole(): Console {
  const stopping = new AbortController();
  let built: Promise<Bundle> | null = null;
  return {
    bundle() {
      built ??= buildApart(stopping.signal).catch((error: unknown) => {
        built = null;
        throw error;
      });
      return built;
    },
    stop: () => stopping.abort(),
  };
}

const BUILD = fileURLToPath(new URL("build.ts", import.meta.url));

/** In a process that ends with it: the bundler would keep 150 MB of this one for ever. */
function buildApart(signal: AbortSignal): Promise<Bundle> {
  const compiled = getCompileCacheDir();
  const child = fork(BUILD, [], {
    signal,
    serialization: "advanced",
    // What it builds depends on the sources alone, and no secret is its business.
    env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled },
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const said: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("message", (bundle) => resolve(bundle as Bundle));
    child.once("error", reject);
    child.once("close", (code) =>
      reject(new Error(`the console's build ended with ${code}: ${Buffer.concat(said)}`)),
    );
  });
}
