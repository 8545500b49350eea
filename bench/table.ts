import type { BenchRow } from "./measure.ts";

/** A row that could not be measured, and why. */
export type SkippedRow = Readonly<{ name: string; skipped: string }>;

/** Prints the table for people. */
export function printRows(rows: readonly (BenchRow | SkippedRow)[]): void {
  for (const row of rows) console.log(linesOf(row).join("\n  "));
}

function linesOf(row: BenchRow | SkippedRow): readonly string[] {
  if ("skipped" in row) return [row.name, `skipped: ${row.skipped}`];
  const { name, unit, ours, limit, limitName, note } = row;
  const against = limit === null ? "" : `  against ${round(limit)} ${unit} of ${limitName}`;
  const figures = `${round(ours)} ${unit}${against}`;
  return [name, figures, verdictOf(row), ...(note === undefined ? [] : [note])];
}

function verdictOf({ ours, ratio, target, isBetterBelow = false }: BenchRow): string {
  const ratioText = ratio === null ? "" : `ratio ${ratio.toFixed(2)}, `;
  if (target === null) return `${ratioText}no target`;
  const figure = ratio ?? ours;
  const isReached = isBetterBelow ? figure <= target : figure >= target;
  return `${ratioText}target ${target}: ${isReached ? "reached" : "MISSED"}`;
}

const round = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
