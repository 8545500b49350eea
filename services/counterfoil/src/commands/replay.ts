import type { Backends } from "@counterfoil/adapters/connect";
import { writeWholeFile } from "@counterfoil/adapters/node/files";
import { keepHeapLean } from "@counterfoil/adapters/node/runtime";
import type { ReplayFile } from "@counterfoil/adapters/sqlite/replay-file";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { BalanceRecord } from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import {
  type RecordDifference,
  recordDifferences,
} from "@counterfoil/processing/generations/record-differences";
import { replayModel } from "@counterfoil/processing/generations/refold";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { NothingThere } from "@counterfoil/processing/operator";
import { PAGE_BYTES_MAX } from "@counterfoil/processing/ports/event-stream";
import type { Checkpoint, Rows } from "@counterfoil/processing/ports/model-store";
import { everyRow } from "@counterfoil/processing/projection/selection";
import { findAccount } from "@counterfoil/processing/queries/balances";
import { Command } from "commander";
import { WrongUsage } from "../error-report.ts";
import {
  print,
  printJson,
  renderTable,
  shortDigest,
  withProgress,
  write,
} from "../output/print.ts";
import { readable } from "../output/visible.ts";
import { BUILD } from "../program.ts";
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
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parseModels,
  parseOut,
  parsePoint,
  REPLACED,
  untilInterrupted,
  withLedger,
} from "./context.ts";

type ReplayOptions = JsonOption &
  CertificateOption &
  ActorOption &
  Readonly<{
    to?: Point;
    diff?: Point;
    model: readonly ModelName[];
    account?: string;
    out?: string;
  }>;

export function replayCommand(): Command {
  return new Command("replay")
    .description("project the stream up to a point into copies, beside the live models")
    .argument("[later]", "with --diff: the later point", parsePoint)
    .option("--to <point>", "the last event that is projected", parsePoint)
    .option("--diff <earlier>", "show what changed from one point to another", parsePoint)
    .option("--model <names>", "which models, comma-separated; all unless given", parseModels)
    .option("--account <id>", "show this account, or its differences alone")
    .option("--out <file>", `write the models' tables to one SQLite file; ${REPLACED}`, parseOut)
    .option(...CERTIFICATE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (later: Point | undefined, options: ReplayOptions) => {
      keepHeapLean();
      const complete = { ...options, model: options.model ?? MODEL_NAMES };
      const { diff, to } = complete;
      await withLedger("read", async (backends) => {
        if (diff !== undefined && later !== undefined && to === undefined) {
          return showDifferences(backends, [diff, later], complete);
        }
        if (to === undefined || diff !== undefined || later !== undefined) throw wrongPoints();
        return showReplay(backends, to, complete);
      });
    });
}

const wrongPoints = () =>
  new WrongUsage("expected --to <point>, or --diff <earlier> <later> and no --to");

/** The models at a position. */
type Replayed = Readonly<{
  position: string;
  time: string;
  code_version: string;
  digests: Partial<Record<ModelName, Pick<Checkpoint, "digest" | "state_digest">>>;
  account?: BalanceRecord;
}>;

async function showReplay(backends: Backends, to: Point, options: ReplayOptions): Promise<void> {
  const { out, json, account } = options;
  const actor = actorOf(options);
  await checkCertificateFile(options);
  if (account !== undefined && !options.model.includes("balances")) {
    throw new WrongUsage("--account shows a balance: leave --model out, or add balances");
  }
  const position = await lastPositionOf(backends.stream, to);
  const replayed = await untilInterrupted((signal) => {
    const replay = (file: ReplayFile | null) =>
      replayModels(backends, position, { ...options, signal, file });
    return out === undefined
      ? replay(null)
      : writeWholeFile(out, (path) => withReplayFile(path, replay));
  });
  await writeCertificate(backends, { ...options, actor }, async () => ({
    statement: "replay",
    ...{ from: "1", to: replayed.position },
    models: Object.fromEntries(
      Object.entries(replayed.digests).map(([model, digests]) => [
        model,
        { position: replayed.position, ...digests },
      ]),
    ),
    file: out === undefined ? null : await certifiedFile(out, "sqlite"),
  }));
  if (json) printJson<"replay">(replayed);
  else printReplayed(readable(replayed));
}

async function withReplayFile<T>(path: string, work: (file: ReplayFile) => Promise<T>): Promise<T> {
  const { createReplayFile } = await import("@counterfoil/adapters/sqlite/replay-file");
  const file = createReplayFile(path);
  try {
    return await work(file);
  } finally {
    file.close();
  }
}

type ReplayModelsOptions = Pick<ReplayOptions, "model" | "account"> &
  Readonly<{ signal: AbortSignal; file: ReplayFile | null }>;

async function replayModels(
  backends: Backends,
  position: number,
  { model: models, account, signal, file }: ReplayModelsOptions,
): Promise<Replayed> {
  const [event] = await backends.stream.read({ after: position - 1, limit: 1 });
  const digests: Partial<Record<ModelName, Pick<Checkpoint, "digest" | "state_digest">>> = {};
  let found: BalanceRecord | undefined;
  for (const model of models) {
    await withReplay(backends, { model, position, signal }, async (rows, checkpoint) => {
      const { digest, state_digest } = checkpoint;
      digests[model] = { digest, state_digest };
      if (model === "balances" && account !== undefined) {
        found = await accountAmong(rows, account, { upTo: position });
      }
      if (file !== null) await copyModel(file, model, rows, checkpoint, signal);
    });
  }
  return {
    position: String(position),
    time: formatTime(event?.recorded_at ?? 0n),
    code_version: BUILD,
    digests,
    ...(found === undefined ? {} : { account: found }),
  };
}

async function withReplay<T>(
  backends: Backends,
  {
    model,
    position,
    signal,
  }: Readonly<{ model: ModelName; position: number; signal: AbortSignal }>,
  work: (rows: Rows, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const projection = PROJECTIONS[model];
  return withProgress(model, (onProgress) =>
    replayModel({ ...backends, projection, position, signal, onProgress }, work),
  );
}

/**
 * The account that an id names at the later position, or at the earlier one if it is gone since.
 *
 * @param rows of the model projected up to the later position
 */
async function accountAmong(
  rows: Rows,
  id: string,
  { upTo, after }: Readonly<{ upTo: number; after?: number }>,
): Promise<BalanceRecord> {
  let account = await findAccount(rows, { id, platform: null });
  if (account.outcome === "missing" && after !== undefined) {
    account = await findAccount(rows, { id, platform: null, moment: { at_position: after } });
  }
  if (account.outcome === "found") return account.record;
  if (account.outcome === "missing") {
    const where = after === undefined ? `position ${upTo}` : `positions ${after} and ${upTo}`;
    throw new NothingThere(`account ${id} is missing at ${where}`);
  }
  throw new WrongUsage(
    `account ${id} stands for several: name one by its own id: ${readable(account.candidates).join(", ")}`,
  );
}

const PAGE = 1000;

async function copyModel(
  file: ReplayFile,
  model: ModelName,
  rows: Rows,
  { position, digest, state_digest }: Checkpoint,
  signal: AbortSignal,
): Promise<void> {
  const { tables, version } = PROJECTIONS[model];
  for (const table of tables) {
    signal.throwIfAborted();
    const all = { orderBy: table.key, limit: PAGE, bytesMax: PAGE_BYTES_MAX };
    await file.copy(model, table, everyRow(rows, table, all));
  }
  file.note({ model, model_version: version, position, digest, state_digest }, BUILD);
}

function printReplayed({ position, time, code_version, digests, account }: Replayed): void {
  print(`Position ${position}, recorded at ${time}, folded by ${code_version}\n`);
  const columns = [{ title: "model" }, { title: "digest" }, { title: "state digest" }] as const;
  const rows = Object.entries(digests).map(([model, { digest, state_digest }]) => [
    model,
    shortDigest(digest),
    shortDigest(state_digest),
  ]);
  print(renderTable(columns, rows));
  if (account === undefined) return;
  const { id, balance, status, open_gaps } = account;
  print(`\n${id}: ${balance ?? "no balance"}, ${status}, ${open_gaps} open gaps`);
}

async function showDifferences(
  backends: Backends,
  [from, to]: readonly [Point, Point],
  { model: models, account, json, out, certificateOut }: ReplayOptions,
): Promise<void> {
  if (certificateOut !== undefined) {
    throw new WrongUsage("--certificate-out is about one replay: leave --diff out");
  }
  if (out !== undefined) throw new WrongUsage("--out writes one replay: leave --diff out");
  const after = await lastPositionOf(backends.stream, from);
  const upTo = await lastPositionOf(backends.stream, to);
  if (after > upTo) {
    throw new WrongUsage(`a range goes forward: found position ${after} before ${upTo}`);
  }
  const show = json ? writeJson() : printDifference();
  await untilInterrupted(async (signal) => {
    for (const model of account === undefined ? models : models.filter(isBalances)) {
      await withReplay(backends, { model, position: upTo, signal }, async (rows) => {
        const between = { after, upTo };
        const only =
          account === undefined ? {} : { id: (await accountAmong(rows, account, between)).id };
        const found = recordDifferences(backends.stream, rows, model, { ...between, ...only });
        for await (const difference of found) {
          signal.throwIfAborted();
          await show.one(difference);
        }
      });
    }
  });
  await show.end();
}

const isBalances = (model: ModelName): boolean => model === "balances";

type Show = Readonly<{
  one: (difference: RecordDifference) => Promise<void>;
  end: () => Promise<void>;
}>;

/** Prints one JSON document as the differences are found, since there may be as many as records. */
function writeJson(): Show {
  let separator = '{"data":[';
  return {
    one: async (difference) => {
      await write(`${separator}\n${JSON.stringify(difference)}`);
      separator = ",";
    },
    end: () => write(separator === "," ? "\n]}\n" : '{"data":[]}\n'),
  };
}

function printDifference(): Show {
  let count = 0;
  return {
    one: async ({ model, id, before, after, facts }) => {
      count += 1;
      print(`${model} ${readable(id)}`);
      const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
      for (const name of names) {
        const [old, present] = [textOf(before, name), textOf(after, name)];
        if (old !== present && name !== "history") print(`  ${name}: ${old} → ${present}`);
      }
      print(`  by ${facts.join(", ")}`);
    },
    end: async () => print(count === 0 ? "Nothing changed." : `${count} changed.`),
  };
}

function textOf(record: object | null, name: string): string {
  const value = (record as Readonly<Record<string, unknown>> | null)?.[name];
  return value === undefined ? "–" : JSON.stringify(value);
}

const HELP = `
${POINT_HELP}
Can run while the service runs, and leaves nothing behind but the file.

Examples:
  $ counterfoil replay --to 2026-03-31T23:59:59.999999999Z --out march.db
  $ counterfoil replay --to 120000 --account zerohash:DEF456:ABC123:general:available:BTC --json
  $ counterfoil replay --diff 100000 120000 --model withdrawals`;
