import { differencesIn, type RowDifference } from "./compare-rows.ts";
import { isEngineError } from "./ports/errors.ts";
import type { Rows } from "./ports/model-store.ts";
import type { Table } from "./ports/table.ts";

/** What a new version of a model says otherwise than the one before, at one position. */
export type VersionDifferences = Readonly<{
  position: number;
  /** Rows that differ, by table; null where the old version laid the table out otherwise. */
  counts: Readonly<Record<string, number | null>>;
  /** The first of each table. */
  samples: readonly RowDifference[];
}>;

const SAMPLES = 5;

/** Compares the tables whose rows are what readers are told; the others serve the projector. */
export async function compareVersions(
  tables: readonly Table[],
  old: Rows,
  rebuilt: Rows,
  position: number,
): Promise<VersionDifferences> {
  const counts: Record<string, number | null> = {};
  const samples: RowDifference[] = [];
  for (const table of tables.filter(({ digested }) => digested === "both")) {
    let count = 0;
    try {
      for await (const difference of differencesIn(table, old, rebuilt)) {
        count += 1;
        if (count <= SAMPLES) samples.push(difference);
      }
      counts[table.name] = count;
    } catch (error) {
      if (isEngineError(error)) throw error;
      // The old version has no such table or column, and its engine says so in its own words.
      counts[table.name] = null;
    }
  }
  return { position, counts, samples };
}
