import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What one row of the table says: ours beside a limit, in the same run. */
export type BenchRow = Readonly<{
  name: string;
  unit: string;
  ours: number;
  /** The bare limit or the peer; null where there is nothing to hold it against. */
  limit: number | null;
  limitName: string;
  /** ours / limit; null where the figure itself is what counts. */
  ratio: number | null;
  /** What the ratio, or where there is none the figure, is to reach; null: it is only reported. */
  target: number | null;
  isBetterBelow?: boolean;
  note?: string;
}>;

export type BenchOptions = Readonly<{ facts: number; accounts: number; rounds: number }>;

/**
 * Runs both in turn, so that a machine that slows down slows both, and takes the median of each.
 *
 * @returns figures per second.
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

/** @param share from 0 to 1: the value that so many are below. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}

/** Things a second, of `count` done in the time that `work` takes. */
export async function rate(count: number, work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return count / ((performance.now() - started) / 1000);
}

/**
 * The most memory that this process ever held: the kernel's mark of this program alone. What it
 * counts by process begins with the memory of the one that started it.
 */
export function rssBytesMax(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error("no VmHWM in /proc/self/status: is this Linux?");
  return Number(kibibytes) * 1024;
}

/** The figures that a file of this folder sends when it runs in a process of its own. */
export async function measureApart<Figures>(
  file: string,
  args: readonly string[],
): Promise<Figures> {
  const child = fork(join(import.meta.dirname, file), args, {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [figures] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`${file} ended: ${code}`))),
  ])) as [Figures];
  return figures;
}
