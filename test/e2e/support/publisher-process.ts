import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { PublisherEvent } from "@counterfoil/publisher/publisher";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const running = new Set<ChildProcess>();

type ScriptProcess<Line> = Readonly<{
  lines: readonly Line[];
  /** The first line from `from` on that is meant, printed already or still to come. */
  when: (isMeant: (line: Line) => boolean, from?: number) => Promise<Line>;
  errors: () => string;
  signal: (name: NodeJS.Signals) => void;
  /** The exit code; null where a signal ended it. */
  ended: Promise<number | null>;
}>;

/** Runs a script of the repository as a process of its own, its output read line by line. */
export function startScript<Line>(
  file: string,
  {
    args = [],
    env = {},
    parse,
  }: Readonly<{
    args?: readonly string[];
    env?: Readonly<Record<string, string>>;
    parse: (line: string) => Line;
  }>,
): ScriptProcess<Line> {
  const options = ["--disable-warning=ExperimentalWarning", ROOT + file, ...args];
  const child = spawn(process.execPath, options, {
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let errors = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(parse(line));
    for (const look of waiting) look();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return {
    lines,
    when: (isMeant, from = 0) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.slice(from).find(isMeant);
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
        void ended.then((code) => reject(new Error(`ended with ${code} before that: ${errors}`)));
      }),
    errors: () => errors,
    signal: (name) => void child.kill(name),
    ended,
  };
}

type PublisherProcess = ScriptProcess<PublisherEvent>;

/** A publisher as a process of its own; see the script for its arguments. */
export function startPublisherProcess(args: readonly string[]): PublisherProcess {
  return startScript("services/publisher/src/testing/publish.ts", {
    args,
    parse: (line) => JSON.parse(line) as PublisherEvent,
  });
}

/** Ends whatever a test left running. */
export async function endScripts(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    }),
  );
}
