import Table from "cli-table3";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For programs: one JSON document; counts beyond what JSON's numbers hold are strings. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? `${item}` : item), 2));
}

/** Enough of a digest to see whether two are the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}

export type Column = Readonly<{ title: string; align?: "left" | "right" }>;

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

/** Rows under their titles, set apart by space and one line; what is absent is a dash. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align = "left" }) => align),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => String(cell ?? "–")));
  const [titles = "", ...body] = table.toString().split("\n");
  return [titles, "─".repeat(titles.length), ...body]
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n");
}
