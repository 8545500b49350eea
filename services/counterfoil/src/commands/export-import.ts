import { loadConfig } from "@counterfoil/adapters/config";
import { type Backends, connect } from "@counterfoil/adapters/connect";
import { readLines, writeParts, writeWholeFile } from "@counterfoil/adapters/node/files";
import { verifyEd25519 } from "@counterfoil/adapters/node/keys";
import { keepHeapLean, nodeBase64, nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { TreeHead } from "@counterfoil/contracts/audit";
import type { Config } from "@counterfoil/contracts/config";
import { counted } from "@counterfoil/core/exact/text";
import { emptyHead, type Head } from "@counterfoil/core/stream/chain";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { HeadKeyReplaced } from "@counterfoil/processing/audit/key-rotation";
import {
  type ExportRange,
  exportCsv,
  exportLines,
  FACT_COLUMNS,
  factRows,
  type RangeReadOptions,
} from "@counterfoil/processing/exports/export-ledger";
import { checkExport, importLedger } from "@counterfoil/processing/exports/import-ledger";
import { NothingThere } from "@counterfoil/processing/operator";
import { StreamCorrupted, StreamForked, StreamMissing } from "@counterfoil/processing/ports/errors";
import { Command, Option } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson, withProgress } from "../output/print.ts";
import { createDataFolder, withBackends } from "../service/open-ledger.ts";
import {
  CERTIFICATE_OPTION,
  type CertificateOption,
  certifiedFile,
  checkCertificateFile,
  writeCertificate,
} from "./anchors.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  firstPositionOf,
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parseFile,
  parseOut,
  parsePoint,
  REPLACED,
  untilInterrupted,
  withLedger,
} from "./context.ts";

type Format = keyof typeof FORMATS;

type ExportOptions = JsonOption &
  CertificateOption &
  ActorOption &
  Readonly<{ out: string; format: Format; from?: Point; to?: Point; account?: string }>;

/** Writes an export to a file. @returns the number of its events */
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
    .requiredOption(
      "--out <file>",
      `the file; it appears when it is complete; ${REPLACED}`,
      parseOut,
    )
    .addOption(formats)
    .option("--from <point>", "the first event", parsePoint)
    .option("--to <point>", "the last event", parsePoint)
    .option("--account <id>", "events of one account alone, without bodies")
    .option(...CERTIFICATE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", EXPORT_HELP)
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
      if (options.json) printJson<"export">(exportRecord(exported));
      else print(`${counted(exported.events, "event")} written to ${exported.file}`);
    });
}

const DAMAGE_ERRORS = [StreamCorrupted, StreamForked, HeadKeyReplaced];

/** A signed head over the last position: made if it is the stream's head, otherwise a stored one, if any. */
async function headOver(
  backends: Backends,
  { from, to, account, signal }: RangeReadOptions,
): Promise<TreeHead | null> {
  if (from !== 1 || account !== null) return null;
  const heads = createHeads(backends);
  const [stored] = await heads.upTo(to, 1);
  if (Number(stored?.position) === to) return stored ?? null;
  if ((await backends.stream.head()).position !== to) return null;
  // A damaged ledger is exported as it is, without a head.
  const made = await heads.make({ signal }).catch((error) => {
    if (DAMAGE_ERRORS.some((kind) => error instanceof kind)) return null;
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
      throw new NothingThere(`no event of account ${range.account} in that range: no file is made`);
    }),
  );
  return { file, format, ...range, events };
}

type Exported = Awaited<ReturnType<typeof exportTo>>;

const exportRecord = ({ file, format, from, to, account, events }: Exported) => ({
  ...{ file, format, account, events },
  ...{ from: String(from), to: String(to) },
});

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

const EXPORT_HELP = `
${POINT_HELP}
Runs beside a running service. counterfoil import reads a whole jsonl export back into an empty ledger.

Examples:
  $ counterfoil export --out ledger.jsonl
  $ counterfoil export --out march.parquet --format parquet --from 2026-03-01T00:00:00Z --to 2026-03-31T23:59:59.999999999Z`;

export function importCommand(): Command {
  return new Command("import")
    .description("load a jsonl export into the empty ledger that is configured")
    .argument("<file>", "a file written by counterfoil export", parseFile)
    .option(...JSON_OPTION)
    .addHelpText("after", IMPORT_HELP)
    .action(async (file: string, { json = false }: JsonOption) => {
      keepHeapLean();
      const { resumedAt, head, bodies } = await untilInterrupted((signal) =>
        importFile(loadConfig(process.env), file, signal),
      );
      if (json) {
        return printJson<"import">({
          position: String(head.position),
          hash: head.hash,
          bodies,
          resumed_at: String(resumedAt),
        });
      }
      if (resumedAt > 0) print(`went on behind position ${resumedAt}`);
      print(
        `${counted(head.position, "event")} up to hash ${head.hash}, ${counted(bodies, "body", "bodies")}`,
      );
    });
}

/** Reads the file twice: it is checked completely before anything is written to the ledger. */
async function importFile(config: Config, file: string, signal: AbortSignal) {
  const names = { name: config.COUNTERFOIL_LEDGER, environment: config.COUNTERFOIL_ENVIRONMENT };
  const lines = () => readLines(file);
  const reading = {
    names,
    hashing: nodeHashing,
    base64: nodeBase64,
    verify: verifyEd25519,
    lines,
    signal,
  };
  const head = await headOf(config);
  await withProgress("check", (onProgress) => checkExport({ ...reading, onProgress }, head));
  createDataFolder(config);
  return withBackends(connect(config, "write"), ({ stream }) =>
    withProgress("import", (onProgress) => importLedger({ ...reading, stream, onProgress })),
  );
}

/** The head of the ledger, without creating one. */
async function headOf(config: Config): Promise<Head> {
  try {
    return await withBackends(connect(config, "read"), ({ stream }) => stream.head());
  } catch (error) {
    if (error instanceof StreamMissing) return emptyHead(config.COUNTERFOIL_LEDGER, nodeHashing);
    throw error;
  }
}

const IMPORT_HELP = `
The ledger has to be empty, and its COUNTERFOIL_LEDGER and COUNTERFOIL_ENVIRONMENT those of the export;
the engine may be any. Positions, times of recording and hashes stay. The file is checked from its
first to its last line before anything is written; an import that was stopped goes on when it is
started again. Let no service run on the ledger until it has ended.

Example:
  $ COUNTERFOIL_POSTGRES_URL=postgres://… counterfoil import ledger.jsonl`;
