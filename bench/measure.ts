import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One row of the table: our figure and a limit, measured in the same run. */
export type BenchRow = Readonly<{
  name: string;
  unit: string;
  ours: number;
  /** The bare limit or the peer; null if there is none. */
  limit: number | null;
  limitName: string;
  /** ours / limit; null if the figure itself counts. */
  ratio: number | null;
  /** The required ratio, or the required figure if there is no ratio; null: only reported. */
  target: number | null;
  isBetterBelow?: boolean;
  note?: string;
}>;

export type BenchOptions = Readonly<{ facts: number; accounts: number; rounds: number }>;

/**
 * Runs both alternately, so that a slow machine slows both, and takes the median of each.
 *
 * @returns figures per second
 */
export async function alternate(
  rounds: number,
  ours: () => Promise<number>,
  limit: () => Promise<number>,
): Promise<Readonly<{ ours: number; limit: number; ratio: number }>> {
  const pairs: { ours: number; limit: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const [a, b] = round % 2 === 0 ? [ours, limit] : [limit, ours];
    const first = await a();
    const second = await b();
    pairs.push(a === ours ? { ours: first, limit: second } : { ours: second, limit: first });
  }
  return {
    ours: median(pairs.map((pair) => pair.ours)),
    limit: median(pairs.map((pair) => pair.limit)),
    ratio: median(pairs.map((pair) => pair.ours / pair.limit)),
  };
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** @param share from 0 to 1: the share of values below the result */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}

/** The machine's monotonic clock, the same in all processes, in ms. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Units per second if `work` processes `count` units. */
export async function rate(count: number, work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return count / ((performance.now() - started) / 1000);
}

/**
 * The peak memory of this program, or of a process, from VmHWM. `maxRSS` of the process would include
 * the memory of the parent from which it was forked.
 */
export function rssBytesMax(pid: number | "self" = "self"): number {
  const status = `/proc/${pid}/status`;
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error(`no VmHWM in ${status}: is this Linux?`);
  return Number(kibibytes) * 1024;
}

/** Runs a file of this folder in a separate process. @returns the figures that it sends */
export function measureInProcess<Figures>(file: string, args: readonly string[]): Promise<Figures> {
  return messageOf(startProcess(file, args));
}

/** Starts a file of this folder in a separate process. */
export const startProcess = (file: string, args: readonly string[] = []): ChildProcess =>
  fork(join(import.meta.dirname, file), args, {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    serialization: "advanced",
  });

/** The next message of a process. @throws Error if the process ends first */
export async function messageOf<Message>(child: ChildProcess): Promise<Message> {
  const ended = once(child, "exit").then(([code]) =>
    Promise.reject(new Error(`${child.spawnargs.join(" ")} ended: ${code}`)),
  );
  const [message] = (await Promise.race([once(child, "message"), ended])) as [Message];
  return message;
}
