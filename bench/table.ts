import type { BenchRow } from "./measure.ts";

/** The table that a person reads; ratios first, since machines are noisy. */
export function printRows(rows: readonly BenchRow[]): void {
  for (const row of rows) {
    const { name, unit, ours, limit, limitName, ratio, target, isBetterBelow, note } = row;
    const figure = ratio ?? ours;
    const isReached = isBetterBelow ? figure <= target : figure >= target;
    const against = limit === null ? "" : `  against ${round(limit)} ${unit} of ${limitName}`;
    const mark = isReached ? "reached" : "MISSED";
    console.log(`${name}\n  ${round(ours)} ${unit}${against}`);
    console.log(
      `  ${ratio === null ? "" : `ratio ${ratio.toFixed(2)}, `}target ${target}: ${mark}`,
    );
    if (note) console.log(`  ${note}`);
  }
}

const round = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
