import type {
  RowDifference,
  VersionDifferences,
} from "@counterfoil/processing/generations/compare";

const SHOWN = 5;

/** The first differing rows, in words. */
export function describeDifferences(differences: readonly RowDifference[]): string {
  const shown = differences.slice(0, SHOWN).map(describeDifference);
  const more = differences.length > SHOWN ? [`and ${differences.length - SHOWN} more rows`] : [];
  return ["live and rebuilt rows differ", ...shown, ...more].join("; ");
}

/** What a new model version says otherwise: how many rows, and the first of them. */
export function describeVersions({ position, counts, samples }: VersionDifferences): string {
  const tables = Object.entries(counts).map(([table, count]) =>
    count === null ? `${table}: laid out otherwise` : `${table}: ${count} rows differ`,
  );
  const at = `at position ${position}, against the version before: ${tables.join(", ")}`;
  return [at, ...samples.map(describeDifference)].join("; ");
}

function describeDifference({ table, key, live, rebuilt, columns }: RowDifference): string {
  const row = `${table} ${key.join("/")}`;
  if (live === null) return `${row} is only in the rebuilt model`;
  if (rebuilt === null) return `${row} is only in the live model`;
  return `${row} differs in ${columns.join(", ")}`;
}
