import type { RowDifference } from "@counterfoil/processing/compare-rows";

const SHOWN = 5;

/** The first differing rows, in words. */
export function describeDifferences(differences: readonly RowDifference[]): string {
  const shown = differences.slice(0, SHOWN).map(describeDifference);
  const more = differences.length > SHOWN ? [`and ${differences.length - SHOWN} more rows`] : [];
  return ["live and rebuilt rows differ", ...shown, ...more].join("; ");
}

function describeDifference({ table, key, live, rebuilt, columns }: RowDifference): string {
  const row = `${table} ${key.join("/")}`;
  if (live === null) return `${row} is only in the rebuilt model`;
  if (rebuilt === null) return `${row} is only in the live model`;
  return `${row} differs in ${columns.join(", ")}`;
}
