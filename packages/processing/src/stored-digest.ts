import type { Hashing } from "@counterfoil/core/hashing";
import { addToDigest, EMPTY_DIGEST, formatDigest, parseDigest } from "@counterfoil/core/hashing";
import type { Rows } from "./ports/model-store.ts";
import type { Table } from "./ports/table.ts";
import { everyRow } from "./projection/every-row.ts";
import { rowLeaf } from "./projection/row-digest.ts";

const PAGE = 2000;

/** The digest of the rows as they lie there, whatever the checkpoint beside them says. */
export async function storedDigest(
  tables: readonly Table[],
  rows: Rows,
  hashing: Hashing,
): Promise<string> {
  let digest = parseDigest(EMPTY_DIGEST);
  for (const table of tables) {
    if (table.digested === "none") continue;
    for await (const row of everyRow(rows, table, { orderBy: table.key, limit: PAGE })) {
      digest = addToDigest(digest, rowLeaf(table, row, hashing).digest);
    }
  }
  return formatDigest(digest);
}
