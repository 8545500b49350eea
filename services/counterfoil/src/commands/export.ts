import type { Backends } from "@counterfoil/adapters/connect";
import { nodeBase64 } from "@counterfoil/adapters/node/base64";
import { writeParts, writeWholeFile } from "@counterfoil/adapters/node/files";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import type { TreeHead } from "@counterfoil/contracts/audit";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { HeadKeyReplaced } from "@counterfoil/processing/audit/key-rotation";
import {
  type ExportRange,
  exportLines,
  type RangeReadOptions,
} from "@counterfoil/processing/exports/export-ledger";
import { exportCsv, FACT_COLUMNS, factRows } from "@counterfoil/processing/exports/fact-table";
import { StreamCorrupted, StreamForked } from "@counterfoil/processing/ports/errors";
import { Command, Option } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson } from "../output/print.ts";
import { withProgress } from "../output/progress.ts";
import {
  CERTIFICATE_OPTION,
  type CertificateOption,
  certifiedFile,
  checkCertificateFile,
  writeCertificate,
} from "./certificate.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  untilInterrupted,
  withLedger,
} from "./context.ts";
import { firstPositionOf, lastPositionOf, POINT_HELP, type Point, parsePoint } from "./point.ts";

type Format = keyof typeof FORMATS;

type ExportOptions = JsonOption &
  CertificateOption &
  ActorOption &
  Readonly<{ out: string; format: Format; from?: Point; to?: Point; account?: string }>;

/** Writes an export to a file, and says how many events it holds. */
type WriteExport = (path: string, options: RangeReadOptions, ledger: Backends) => Promise<number>;

const FORMATS = {
  jsonl: async (path, options, backends) => {
    const names = { name: backends.ledger, environment: backends.environment };
    const head = await headOver(backends, options);
    return writeParts(path, exportLines({ ...options, names, base64: nodeBase64, head }));
  },
  csv: (path, options) => writeParts(path, exportCsv(options)),
  parquet: async (path, options) => {
    const { writeParquet } = await import("@counterfoil/adapters/node/parquet");
    return writeParquet(path, FACT_COLUMNS, factRows(options));
  },
} as const satisfies Readonly<Record<string, WriteExport>>;

export function exportCommand(): Command {
  const formats = new Option("--format <format>", "jsonl is complete; the others are for analysts")
    .choices(Object.keys(FORMATS))
    .default("jsonl");
  return new Command("export")
    .description("write the stream to a file, with the bytes of deliveries")
    .requiredOption("--out <file>", "the file; it is there when it is whole")
    .addOption(formats)
    .option("--from <point>", "the first event", parsePoint)
    .option("--to <point>", "the last event", parsePoint)
    .option("--account <id>", "events of one account alone, without bodies")
    .option(...CERTIFICATE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (options: ExportOptions) => {
      keepHeapLean();
      const by = { ...options, actor: actorOf(options) };
      await checkCertificateFile(options);
      const exported = await withLedger("read", async (backends) => {
        const done = await exportTo(backends, options);
        const { from, to, account, format } = done;
        await writeCertificate(backends, by, async () => ({
          statement: "export",
          ...{ from: String(from), to: String(to), account },
          file: await certifiedFile(options.out, format),
        }));
        return done;
      });
      if (options.json) printJson(exported);
      else print(`${exported.events} events written to ${exported.file}`);
    });
}

const WRONG = [StreamCorrupted, StreamForked, HeadKeyReplaced];

/** A signed head over the last position: the present one's is made, an earlier one's may be kept. */
async function headOver(
  backends: Backends,
  { from, to, account }: ExportRange,
): Promise<TreeHead | null> {
  if (from !== 1 || account !== null) return null;
  const heads = createHeads(backends);
  const [kept] = await heads.upTo(to, 1);
  if (Number(kept?.position) === to) return kept ?? null;
  if ((await backends.stream.head()).position !== to) return null;
  // What is wrong with a ledger is exported as it lies there, and is no reason to export nothing.
  const made = await heads.make().catch((error) => {
    if (WRONG.some((kind) => error instanceof kind)) return null;
    throw error;
  });
  return Number(made?.position) === to ? made : null;
}

async function exportTo(backends: Backends, { out: file, format, ...options }: ExportOptions) {
  const range = await rangeOf(backends, options);
  const { stream, catalogue, hashing } = backends;
  const sources = { stream, catalogue, hashing };
  const write = (path: string, signal: AbortSignal) =>
    withProgress("export", (onProgress) =>
      FORMATS[format](path, { ...range, ...sources, signal, onProgress }, backends),
    );
  const events = await untilInterrupted((signal) =>
    writeWholeFile(file, async (path) => {
      const count = await write(path, signal);
      if (count > 0) return count;
      throw new WrongUsage(`no event of account ${range.account} in that range: no file is made`);
    }),
  );
  return { file, format, ...range, events };
}

async function rangeOf(
  { stream }: Backends,
  { from, to, account = null }: Pick<ExportOptions, "from" | "to"> & { account?: string | null },
): Promise<ExportRange> {
  const first = from === undefined ? 1 : await firstPositionOf(stream, from);
  const last = to === undefined ? (await stream.head()).position : await lastPositionOf(stream, to);
  if (first <= last) return { from: first, to: last, account };
  throw new WrongUsage(
    `--from is position ${first} and --to is position ${last}: a range goes forward`,
  );
}

const HELP = `
${POINT_HELP}
Runs beside a running service. counterfoil import reads a whole jsonl export back into an empty ledger.

Examples:
  $ counterfoil export --out ledger.jsonl
  $ counterfoil export --out march.parquet --format parquet --from 2026-03-01T00:00:00Z --to 2026-03-31T23:59:59.999999999Z`;
