import { parseArgs } from "node:util";
import { BENCHES, type Bench } from "./benches.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { printRows, type SkippedRow } from "./table.ts";

const { values } = parseArgs({
  options: {
    facts: { type: "string" },
    accounts: { type: "string" },
    rounds: { type: "string" },
    only: { type: "string", default: Object.keys(BENCHES).join(",") },
    json: { type: "boolean", default: false },
  },
});

type Row = (BenchRow | SkippedRow) & Readonly<{ bench: string; options: BenchOptions }>;

const rows: Row[] = [];
for (const [bench, { run, sizes, missing }] of chosen(values.only)) {
  const options: BenchOptions = {
    facts: sizeOf("facts", sizes),
    accounts: sizeOf("accounts", sizes),
    rounds: sizeOf("rounds", sizes),
  };
  if (!values.json) console.error(`… ${bench}`);
  const skipped = missing?.() ?? null;
  const measured = skipped === null ? [await run(options)].flat() : [{ name: bench, skipped }];
  rows.push(...measured.map((row) => ({ ...row, bench, options })));
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2));
else printRows(rows);

function chosen(only: string): readonly (readonly [string, Bench])[] {
  return only.split(",").map((name) => {
    const bench = BENCHES[name];
    if (bench !== undefined) return [name, bench];
    return refuse(`no bench ${name}; there are: ${Object.keys(BENCHES).join(", ")}`);
  });
}

/** The bench's own size where none was asked for. */
function sizeOf(size: keyof BenchOptions, sizes: BenchOptions): number {
  const text = values[size];
  if (text === undefined) return sizes[size];
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  return refuse(`--${size} ${text}: expected a positive number`);
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
