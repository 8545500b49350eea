import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type ServiceProcess = Readonly<{
  /** Where it answers readers and takes webhooks. */
  address: string;
  /** Resolves with the exit code once the process has ended, for whatever reason. */
  ended: Promise<number | null>;
  stop: () => Promise<void>;
}>;

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/**
 * Starts `counterfoil start` as a process of its own and resolves when it is ready. Nothing of this
 * process's configuration reaches it.
 *
 * @throws Error with what it said, where it ends before it is ready
 */
export async function startServiceProcess(
  config: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, "start"], {
    env: { ...withoutConfig(process.env), ...config },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const address = await untilReady(child);
  return {
    address,
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function withoutConfig(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("COUNTERFOIL_")),
  );
}

/** It says its address in its log, since it may have chosen the port itself. */
function untilReady(child: ChildProcess): Promise<string> {
  const said: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(`${line}\n`);
      const { msg, address } = JSON.parse(line) as Readonly<{ msg?: string; address?: string }>;
      if (msg === "ready" && address !== undefined) resolve(address);
    });
    child.once("exit", (code) =>
      reject(new Error(`the service ended with ${code} before it was ready:\n${said.join("")}`)),
    );
  });
}
