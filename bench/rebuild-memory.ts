import { inFolder, openBenchStream } from "./append.ts";
import { type BenchOptions, type BenchRow, measureInProcess, median } from "./measure.ts";
import { fillStream } from "./rebuild.ts";
import type { RebuildFigures } from "./rebuild-memory-process.ts";

const MEBIBYTE = 1024 ** 2;

/**
 * A rebuild of the balances on SQLite in a separate process: how much memory it takes, and whether
 * ten times the facts take ten times as long. The ledgers are created once, in temporary folders.
 */
export async function benchRebuildMemory(options: BenchOptions): Promise<readonly BenchRow[]> {
  const { facts, accounts, rounds } = options;
  const deliveries = Math.ceil(facts / 3);
  const [many, few] = [deliveries, Math.ceil(deliveries / 10)];
  const { large, small } = await withLedger(many, accounts, (largeDir) =>
    withLedger(few, accounts, async (smallDir) => {
      const runs: { large: RebuildFigures; small: RebuildFigures }[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const small = await rebuildInProcess(smallDir, few * 3);
        runs.push({ small, large: await rebuildInProcess(largeDir, many * 3) });
      }
      return { large: runs.map((run) => run.large), small: runs.map((run) => run.small) };
    }),
  );
  return [memoryRow({ large, small, facts, accounts }), linearityRow({ large, small, facts })];
}

type Runs = Readonly<{
  facts: number;
  large: readonly RebuildFigures[];
  small: readonly RebuildFigures[];
}>;

const largest = (runs: readonly RebuildFigures[]): number =>
  Math.max(...runs.map(({ rssBytesMax }) => rssBytesMax)) / MEBIBYTE;

function memoryRow({ large, small, facts, accounts }: Runs & { accounts: number }): BenchRow {
  return {
    name: `memory of a rebuild of ${counted(facts)} facts over ${counted(accounts)} accounts, SQLite`,
    unit: "MiB RSS",
    ours: largest(large),
    limit: null,
    limitName: "",
    ratio: null,
    target: 512,
    isBetterBelow: true,
    note: `${largest(small).toFixed(0)} MiB for a tenth of the facts`,
  };
}

function linearityRow({ large, small, facts }: Runs): BenchRow {
  const ratios = large.map((run, at) => run.factsPerSecond / (small[at]?.factsPerSecond ?? 0));
  return {
    name: `speed of a rebuild of ${counted(facts)} facts, SQLite`,
    unit: "facts/s",
    ours: median(large.map(({ factsPerSecond }) => factsPerSecond)),
    limit: median(small.map(({ factsPerSecond }) => factsPerSecond)),
    limitName: "a tenth of them",
    ratio: median(ratios),
    target: 0.8,
    note: `${(1 / median(ratios)).toFixed(2)} times the time a fact: 1 is linear`,
  };
}

const counted = (count: number): string => count.toLocaleString("en");

function withLedger<T>(
  deliveries: number,
  accounts: number,
  work: (dataDir: string) => Promise<T>,
): Promise<T> {
  return inFolder(async (dataDir) => {
    const stream = await openBenchStream(dataDir);
    await fillStream(stream, deliveries, accounts);
    await stream.close();
    return work(dataDir);
  });
}

const rebuildInProcess = (dataDir: string, facts: number): Promise<RebuildFigures> =>
  measureInProcess("rebuild-memory-process.ts", [dataDir, String(facts)]);
