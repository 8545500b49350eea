import Table from "cli-table3";
import { print, written } from "./print.ts";

export type Column = Readonly<{ head: string; align?: "left" | "right" }>;

const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
} as const;

/** Rows under their heads, set apart by space and one line; what is absent is a dash. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ align = "left" }) => align),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => String(cell ?? "–")));
  const [head = "", ...body] = table.toString().split("\n");
  return [head, "─".repeat(head.length), ...body].map((line) => `  ${line.trimEnd()}`).join("\n");
}

/** Of a longer list the next table begins: all its columns would have to be known for one. */
const ROWS_MAX = 1000;

/** Prints a list as it comes, in tables of so many rows that any list can be printed. */
export async function printTables<Item>(
  items: AsyncIterable<Item>,
  render: (items: readonly Item[]) => string,
  empty: string,
): Promise<void> {
  let rows: Item[] = [];
  let isEmpty = true;
  for await (const item of items) {
    rows.push(item);
    isEmpty = false;
    if (rows.length < ROWS_MAX) continue;
    await written(`${render(rows)}\n`);
    rows = [];
  }
  if (rows.length > 0) print(render(rows));
  if (isEmpty) print(empty);
}
