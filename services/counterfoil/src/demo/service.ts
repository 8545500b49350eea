import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ProblemDocument } from "@counterfoil/contracts/http";

export type ServiceProcess = Readonly<{
  /** The URL for readers and webhooks. */
  address: string;
  pid: number;
  /** Resolves with the exit code once the process has ended, for any reason. */
  ended: Promise<number | null>;
  stop: () => Promise<void>;
}>;

/** What users run: it also sets how memory is allocated, and where compiled code is cached. */
const PROGRAM = fileURLToPath(new URL("../../bin/counterfoil", import.meta.url));

/**
 * Starts `counterfoil start` as a separate process and resolves when it is ready. It does not inherit
 * this process's configuration.
 *
 * @throws Error with its output, if it ends before it is ready
 */
export async function startServiceProcess(
  config: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = spawn(PROGRAM, ["start"], {
    env: { ...withoutConfig(process.env), ...config },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const address = await waitUntilReady(child);
  return {
    address,
    pid: Number(child.pid),
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Runs a command beside the service. @throws Error with its output, if it fails */
export async function runCommand(
  config: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<void> {
  const child = spawn(PROGRAM, args, {
    env: { ...withoutConfig(process.env), ...config },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const output: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${output.join("")}`);
}

function withoutConfig(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("COUNTERFOIL_")),
  );
}

/** @returns the address from the service's log, since the service may have chosen the port */
function waitUntilReady(child: ChildProcess): Promise<string> {
  const output: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      output.push(`${line}\n`);
      const { msg, address } = JSON.parse(line) as Readonly<{ msg?: string; address?: string }>;
      if (msg === "ready" && address !== undefined) resolve(address);
    });
    child.once("exit", (code) =>
      reject(new Error(`the service ended with ${code} before it was ready:\n${output.join("")}`)),
    );
  });
}

type Answer<Data> = Readonly<{ data: Data; position: string }>;
type Parameters = Readonly<Record<string, string | number>>;

/** A client of the service's HTTP interface. */
export type Api = Readonly<{
  get: <Data>(path: string, parameters?: Parameters) => Promise<Data>;
  post: <Data>(path: string) => Promise<Data>;
}>;

/** @param key an API key's secret, if the ledger has keys */
export function createApi(address: string, key?: string): Api {
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  return {
    get: (path, parameters = {}) => {
      const url = new URL(path, address);
      for (const [name, value] of Object.entries(parameters)) {
        url.searchParams.set(name, String(value));
      }
      return request(url, { method: "GET", headers });
    },
    post: (path) => request(new URL(path, address), { method: "POST", headers }),
  };
}

async function request<Data>(url: URL, init: RequestInit): Promise<Data> {
  const response = await fetch(url, init);
  const body = (await response.json()) as Answer<Data> | ProblemDocument;
  if ("data" in body) return body.data;
  throw new Error(`${init.method} ${url.pathname}: ${body.status} ${body.code}: ${body.detail}`);
}

const POLL_EVERY_MS = 20;
const TIMEOUT_MS = 120_000;

/** Polls until the condition holds. */
export async function until<Data>(
  what: string,
  read: () => Promise<Data>,
  isReached: (data: Data) => boolean,
): Promise<Data> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const data = await read();
    if (isReached(data)) return data;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await wait(POLL_EVERY_MS);
  }
}
