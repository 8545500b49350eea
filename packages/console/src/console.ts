import { Worker } from "node:worker_threads";
import type { Bundle } from "./build.ts";

export type { Bundle, ServedFile } from "./build.ts";

/** The console's files, built when somebody first asks for them, beside the event loop. */
export type Console = Readonly<{
  /** @throws Error where they cannot be built; the next one who asks tries again */
  bundle: () => Promise<Bundle>;
}>;

export function createConsole(): Console {
  let built: Promise<Bundle> | null = null;
  return {
    bundle() {
      built ??= buildOnThread().catch((error: unknown) => {
        built = null;
        throw error;
      });
      return built;
    },
  };
}

function buildOnThread(): Promise<Bundle> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("build-thread.ts", import.meta.url));
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`the console's build ended with ${code}`)));
  });
}
