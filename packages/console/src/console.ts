import { fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";
import type { Bundle } from "./build.ts";

export type { Bundle, ServedFile } from "./build.ts";

/** The console's files, built once per process. */
export type Console = Readonly<{
  /**
   * Builds the files at the first call.
   *
   * @throws Error if they cannot be built; the next call tries again
   */
  bundle: () => Promise<Bundle>;
  /** Cancels a running build. */
  stop: () => void;
}>;

export function createConsole(): Console {
  const stopping = new AbortController();
  let built: Promise<Bundle> | null = null;
  return {
    bundle() {
      built ??= buildInChildProcess(stopping.signal).catch((error: unknown) => {
        built = null;
        throw error;
      });
      return built;
    },
    stop: () => stopping.abort(),
  };
}

const BUILD = fileURLToPath(new URL("build.ts", import.meta.url));

/** Builds in a temporary process: the bundler would keep 150 MB in this one. */
function buildInChildProcess(signal: AbortSignal): Promise<Bundle> {
  const compiled = getCompileCacheDir();
  const child = fork(BUILD, [], {
    signal,
    serialization: "advanced",
    // The build needs only the sources, so the child gets no secrets from the environment.
    env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled },
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const stderr: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("message", (bundle) => resolve(bundle as Bundle));
    child.once("error", reject);
    child.once("close", (code) =>
      reject(new Error(`the console's build ended with ${code}: ${Buffer.concat(stderr)}`)),
    );
  });
}
