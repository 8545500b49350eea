import { once } from "node:events";
import type {
  CommandItem,
  CommandName,
  CommandRecord,
} from "@counterfoil/contracts/command-record";
import { counted } from "@counterfoil/core/exact/text";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { readable, visibleLines } from "./visible.ts";

/** Prints a text for people. Of the control characters in it only its line breaks are obeyed. */
export function print(text: string): void {
  process.stdout.write(`${visibleLines(text)}\n`);
}

/** Prints a text with colours of a terminal in it, and with nothing that a provider chose. */
export function printStyled(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Fields by name are left as they are: JSON, of which they may be, has no end. */
type Frozen<T> = T extends object
  ? string extends keyof T
    ? T
    : { readonly [Key in keyof T]: Frozen<T[Key]> }
  : T;

/**
 * Prints one JSON document for programs. The command has to be named, so that nothing is printed but
 * what is published of it.
 */
export function printJson<Name extends CommandName = never>(
  record: Frozen<CommandRecord<Name>>,
): void {
  process.stdout.write(`${jsonOf(record)}\n`);
}

const jsonOf = (record: unknown): string => JSON.stringify(record, null, 2);

/** Prints a list as `printJson` does, one item after the other as they come, so of any length. */
export async function printJsonList<Name extends CommandName = never>(
  items: AsyncIterable<Frozen<CommandItem<Name>>>,
): Promise<void> {
  let separator = "[";
  for await (const item of items) {
    await write(`${separator}\n${jsonOf(item).replaceAll(/^/gm, "  ")}`);
    separator = ",";
  }
  print(separator === "[" ? "[]" : "\n]");
}

/** Writes to stdout, with backpressure; does not wait for a pipe that was closed. */
export async function write(text: string): Promise<void> {
  if (!isOutputOpen || process.stdout.write(text)) return;
  await once(process.stdout, "drain").catch(ignoreBrokenPipe);
}

let isOutputOpen = true;

/** A reader may close the pipe early (`| head`): the work continues, without an error. */
export function ignoreClosedOutput(): void {
  for (const output of [process.stdout, process.stderr]) output.on("error", ignoreBrokenPipe);
  process.stdout.on("error", () => {
    isOutputOpen = false;
  });
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** A prefix of a digest, long enough to compare two. */
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

/** Renders rows under their titles, separated by spaces and one line; null is a dash. */
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
  for (const row of rows) table.push(row.map((cell) => readable(String(cell ?? "–"))));
  const [titles = "", ...body] = table.toString().split("\n");
  return [titles, "─".repeat(titles.length), ...body]
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n");
}

/** Longer lists are printed as several tables: for one, the width of all rows would have to be known. */
const ROWS_MAX = 1000;

/** Prints a list as it comes, in tables of bounded size, so of any length. */
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
    await write(`${visibleLines(render(rows))}\n`);
    rows = [];
  }
  if (rows.length > 0) print(render(rows));
  if (isEmpty) print(empty);
}

type Progress = Readonly<{
  update: (done: number, total: number) => void;
  stop: () => void;
}>;

/** Shows the progress of work while it runs. */
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

/** A bar on a terminal, otherwise lines at intervals. On stderr, apart from a command's output. */
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
  const writeLatest = () => {
    if (latest !== written) stream.write(latest);
    [written, writtenAtMs] = [latest, performance.now()];
  };
  return {
    update(done, total) {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      latest = `  ${what.padEnd(12)} ${done} of ${counted(total, "event")} (${percent}%)\n`;
      if (performance.now() - writtenAtMs >= LINE_EVERY_MS) writeLatest();
    },
    stop: writeLatest,
  };
}
