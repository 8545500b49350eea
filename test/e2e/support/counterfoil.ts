import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { MemoryGroup } from "./memory-group.ts";

const SOURCE = fileURLToPath(new URL("../../../services/counterfoil/src/", import.meta.url));
/** What people start. */
export const BIN = fileURLToPath(
  new URL("../../../node_modules/.bin/counterfoil", import.meta.url),
);

export type Environment = Readonly<Record<string, string>>;

/** A line of a process's log. */
export type LogLine = Readonly<Record<string, unknown>>;

export type RunningProcess = Readonly<{
  pid: number | undefined;
  /** The first line that is meant, said already or still to come. */
  whenLogged: (isMeant: (line: LogLine) => boolean) => Promise<LogLine>;
  log: () => string;
  signal: (name: NodeJS.Signals) => void;
  /** The exit code; null where a signal ended it. */
  ended: Promise<number | null>;
}>;

type CommandResult = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/** What a process is given beside its configuration. */
export type Given = Readonly<{
  /** A descriptor to log to; nothing can be seen of the log then. */
  stdout?: number | "pipe";
  openFiles?: number;
  /** Memory that it shares with nobody else. */
  memory?: MemoryGroup | null;
  /** A signal that it gets before it ends by itself. */
  signalled?: Readonly<{ name: NodeJS.Signals; afterMs: number }>;
  /** Interrupted once it has said this, and something was done. */
  interrupted?: Readonly<{ said: RegExp; after: (stdout: string) => Promise<void> }>;
}>;

const running = new Set<ChildProcess>();

/** Ends whatever a test left running. */
export async function endAllProcesses(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }),
  );
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  env: Environment,
  given: Given = {},
): Promise<CommandResult> {
  return runProgram("main.ts", args, env, given);
}

export async function runProgram(
  file: string,
  args: readonly string[],
  env: Environment,
  given: Given = {},
): Promise<CommandResult> {
  const child = spawnProgram(file, args, env, given);
  const output = { stdout: "", stderr: "" };
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let { interrupted } = given;
  if (interrupted === undefined) resolve();
  child.stdout?.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
    if (!interrupted?.said.test(output.stdout)) return;
    resolve(interrupted.after(output.stdout).finally(() => child.kill("SIGINT")));
    interrupted = undefined;
  });
  child.once("exit", () => resolve());
  child.stderr?.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const { name, afterMs } = given.signalled ?? { name: undefined, afterMs: 0 };
  const timer = name && setTimeout(() => child.kill(name), afterMs);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  await done;
  return { code, ...output };
}

/** Starts a role; `whenLogged(isReady)` says when it is there. */
export function startRole(
  args: readonly string[],
  env: Environment,
  given: Given = {},
): RunningProcess {
  const child = spawnProgram("main.ts", args, env, given);
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let text = "";
  let rest = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((part) => JSON.parse(part) as LogLine));
    for (const look of waiting) look();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    pid: child.pid,
    whenLogged: (isMeant) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find(isMeant);
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
        void ended.then((code) => reject(new Error(`ended with ${code} before that:\n${text}`)));
      }),
    log: () => text,
    signal: (name) => void child.kill(name),
    ended,
  };
}

function spawnProgram(
  file: string,
  args: readonly string[],
  env: Environment,
  { stdout = "pipe", openFiles, memory = null }: Given,
): ChildProcess {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(?:COUNTERFOIL_|NODE_)/.test(name),
  );
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const program = file === "main.ts" ? [BIN] : [...node, SOURCE + file];
  const limited =
    openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles}; exec "$@"`, "sh"];
  const started = [...limited, ...program, ...args];
  const [command = "", ...rest] = memory === null ? started : memory.within(started);
  const child = spawn(command, rest, {
    env: { ...Object.fromEntries(clean), ...env },
    stdio: ["ignore", stdout, "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export const isReady = ({ msg }: LogLine): boolean => msg === "ready";

/** The address that a started role takes webhooks or readers at. */
export async function addressOf(role: RunningProcess): Promise<string> {
  const { address, webhooks } = await role.whenLogged(isReady);
  return String(address ?? webhooks);
}

/** Asks a role to stop. @returns its exit code */
export async function stopRole(role: RunningProcess): Promise<number | null> {
  role.signal("SIGTERM");
  return role.ended;
}
