import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

type TestProcess = Readonly<{
  /** The lines that it printed so far. */
  lines: readonly string[];
  /** Resolves when it has printed that many lines. */
  printed(count: number): Promise<void>;
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** As a power cut would: nothing is cleaned up. */
  kill(): Promise<void>;
  /** Rejects where it failed. */
  ended(): Promise<void>;
}>;

/** Runs a script as a process of its own. */
export function startProcess(script: URL, args: readonly string[]): TestProcess {
  const options = ["--disable-warning=ExperimentalWarning", fileURLToPath(script), ...args];
  const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  const errors: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const exit = once(child, "close");
  return {
    lines,
    printed: async (count) => {
      while (lines.length < count)
        await Promise.race([once(output, "line"), failure(exit, errors)]);
    },
    signal: (name) => void child.kill(name),
    kill: async () => {
      child.kill("SIGKILL");
      await exit;
    },
    ended: async () => {
      await exit;
      checkExit(child, errors);
    },
  };
}

async function failure(exit: Promise<unknown>, errors: readonly string[]): Promise<never> {
  await exit;
  throw new Error(`the process ended too early: ${errors.join("")}`);
}

function checkExit(child: ChildProcess, errors: readonly string[]): void {
  if (child.exitCode !== 0) throw new Error(`exit code ${child.exitCode}: ${errors.join("")}`);
}
