import { fileWriter, ParquetWriter } from "hyparquet-writer";

type ParquetColumn = Readonly<{ name: string; type: "text" | "integer" }>;

type Cell = string | number | null;
type ParquetRows = AsyncIterable<readonly (readonly Cell[])[]>;

/** Limits of a row group, which is in memory until it is written. */
const GROUP_ROWS = 10_000;
const GROUP_TEXT = 8 * 1024 * 1024;

const TYPES = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  integer: { type: "INT64", repetition_type: "REQUIRED" },
} as const;

/** Writes rows to a Parquet file in groups that fit into memory. @returns the number of rows */
export async function writeParquet(
  path: string,
  columns: readonly ParquetColumn[],
  pages: ParquetRows,
): Promise<number> {
  const fields = columns.map(({ name, type }) => ({ name, ...TYPES[type] }));
  const schema = [{ name: "facts", num_children: fields.length }, ...fields];
  const writer = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: "counterfoil" });
  let group: (readonly Cell[])[] = [];
  let [text, count] = [0, 0];

  async function flush(): Promise<void> {
    if (group.length === 0) return;
    const columnData = columns.map(({ name, type }, at) => ({
      name,
      data: group.map((row) => (type === "integer" ? BigInt(row[at] ?? 0) : row[at])),
      offsetIndex: false,
    }));
    await writer.write({ columnData, rowGroupSize: group.length });
    [group, text] = [[], 0];
  }

  for await (const rows of pages) {
    for (const row of rows) {
      group.push(row);
      count += 1;
      for (const cell of row) text += typeof cell === "string" ? cell.length : 8;
      if (group.length >= GROUP_ROWS || text >= GROUP_TEXT) await flush();
    }
  }
  await flush();
  await writer.finish();
  return count;
}
