import { once } from "node:events";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For programs: one JSON document; counts beyond what JSON's numbers hold are strings. */
export function printJson(value: unknown): void {
  print(jsonOf(value));
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? `${item}` : item), 2);
}

/** What `printJson` prints of a list, however long, one item after the other as they come. */
export async function printJsonList(items: AsyncIterable<unknown>): Promise<void> {
  let before = "[";
  for await (const item of items) {
    await written(`${before}\n${jsonOf(item).replaceAll(/^/gm, "  ")}`);
    before = ",";
  }
  print(before === "[" ? "[]" : "\n]");
}

/** Waits for a reader that is slower, though not for one who is gone. */
export async function written(text: string): Promise<void> {
  if (!isRead || process.stdout.write(text)) return;
  await once(process.stdout, "drain").catch(unlessNobodyReads);
}

let isRead = true;

/** Whoever reads may have read enough (`| head`): the work goes on, and nobody is told of it. */
export function outliveReaders(): void {
  for (const output of [process.stdout, process.stderr]) output.on("error", unlessNobodyReads);
  process.stdout.on("error", () => {
    isRead = false;
  });
}

function unlessNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Enough of a digest to see whether two are the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}

type Column = Readonly<{ title: string; align?: "left" | "right" }>;

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

type Progress = Readonly<{
  update: (done: number, total: number) => void;
  stop: () => void;
}>;

/** Shows how far work has come while it is done. */
export async function withProgress<T>(
  what: string,
  work: (update: Progress["update"]) => Promise<T>,
): Promise<T> {
  const progress = createProgress(what);
  try {
    return await work(progress.update);
  } finally {
    progress.stop();
  }
}

/** A bar for a person, now and then a line for a log. On stderr, apart from a command's answer. */
function createProgress(what: string): Progress {
  return process.stderr.isTTY ? createBar(what) : createLines(what);
}

const { stderr: stream } = process;

function createBar(what: string): Progress {
  const format = `  ${what.padEnd(12)} {bar} {percentage}% │ {value} of {total} events │ {eta_formatted}`;
  const bar = new SingleBar({ format, stream, hideCursor: true }, Presets.shades_classic);
  bar.start(0, 0);
  return {
    update(done, total) {
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

const LINE_EVERY_MS = 1_000;

function createLines(what: string): Progress {
  let writtenAtMs = performance.now();
  let latest = "";
  let written = "";
  const write = () => {
    if (latest !== written) stream.write(latest);
    [written, writtenAtMs] = [latest, performance.now()];
  };
  return {
    update(done, total) {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      latest = `  ${what.padEnd(12)} ${done} of ${total} events (${percent}%)\n`;
      if (performance.now() - writtenAtMs >= LINE_EVERY_MS) write();
    },
    stop: write,
  };
}
