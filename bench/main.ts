import { Command, InvalidArgumentError } from "commander";
import { BENCHES, type Bench } from "./benches.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { printRows, type SkippedRow } from "./table.ts";

type Flags = Partial<BenchOptions> & Readonly<{ only?: readonly Named[]; json: boolean }>;
type Named = readonly [name: string, bench: Bench];

const values = new Command("bench")
  .description(
    "Measures against a limit or a peer in the same run; bench/README.md explains the rows.",
  )
  .option("--only <names>", `any of ${Object.keys(BENCHES).join(", ")}, with commas`, named)
  .option("--facts <n>", "size for all rows; by default each row has its own", size)
  .option("--accounts <n>", "the same", size)
  .option("--rounds <n>", "how often each is measured", size)
  .option("--json", "rows for a program", false)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Flags>();

type Row = (BenchRow | SkippedRow) & Readonly<{ bench: string; options: BenchOptions }>;

const rows: Row[] = [];
for (const [bench, { run, sizes, missing }] of values.only ?? Object.entries(BENCHES)) {
  const options: BenchOptions = {
    facts: values.facts ?? sizes.facts,
    accounts: values.accounts ?? sizes.accounts,
    rounds: values.rounds ?? sizes.rounds,
  };
  if (!values.json) console.error(`… ${bench}`);
  const skipped = missing?.() ?? null;
  const measured =
    skipped === null ? await rowsOf(bench, run(options)) : [{ name: bench, skipped }];
  rows.push(...measured.map((row) => ({ ...row, bench, options })));
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2));
else printRows(rows);

/** An error in one row is shown in its place, and the others are still measured. */
async function rowsOf(bench: string, running: ReturnType<Bench["run"]>) {
  try {
    return [await running].flat();
  } catch (error) {
    process.exitCode = 1;
    return [{ name: bench, skipped: `failed: ${error instanceof Error ? error.message : error}` }];
  }
}

function named(only: string): readonly Named[] {
  return only.split(",").map((name) => {
    const bench = BENCHES[name];
    if (bench !== undefined) return [name, bench];
    throw new InvalidArgumentError(`No bench ${name}.`);
  });
}

function size(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A whole number from 1 to 999999999 is expected.");
}
