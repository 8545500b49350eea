import type { Backends } from "@counterfoil/adapters/connect";
import { keepHeapLean } from "@counterfoil/adapters/node/runtime";
import type { FindingRecord } from "@counterfoil/contracts/command-record";
import type { ModelName } from "@counterfoil/contracts/fact";
import { counted } from "@counterfoil/core/exact/text";
import { formatTime } from "@counterfoil/core/exact/time";
import { type ModelVerification, verifyModel } from "@counterfoil/processing/generations/refold";
import type { Finding } from "@counterfoil/processing/generations/verify";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { isEngineError } from "@counterfoil/processing/ports/errors";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import { readAttention } from "@counterfoil/processing/queries/status";
import { Command } from "commander";
import { EXIT, Stopped, WrongUsage } from "../error-report.ts";
import { print, printJson, renderTable, shortDigest, withProgress } from "../output/print.ts";
import { readable } from "../output/visible.ts";
import {
  type AnchoredVerification,
  type Anchors,
  CERTIFICATE_OPTION,
  type CertificateOption,
  certifiedModels,
  checkCertificateFile,
  parseExpected,
  signStatement,
  verifyAnchored,
  withIndex,
} from "./anchors.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  actorOf,
  addFile,
  JSON_OPTION,
  type JsonOption,
  parseFile,
  untilInterrupted,
  withModels,
  withUncheckedLedger,
} from "./context.ts";
import { checkpointRecord } from "./rebuild.ts";

type VerifyOptions = JsonOption &
  CertificateOption &
  ActorOption &
  Anchors &
  Readonly<{ models?: boolean; bodies: boolean; strict?: boolean }>;

export function verifyCommand(): Command {
  return new Command("verify")
    .description("check the hash chain, positions, bodies and checkpoints")
    .option(
      "--models",
      "also project the stream again, and compare the models and the index of signed heads",
    )
    .option("--no-bodies", "skip the bodies of deliveries")
    .option("--strict", "end with 1 also if gaps are open, or deliveries could not be read")
    .option(
      "--head <file>",
      "a signed head: is the stream what it signed? (repeatable)",
      addFile,
      [],
    )
    .option(
      "--certificate <file>",
      "a certificate: are stream and models what it states? (repeatable)",
      addFile,
      [],
    )
    .option("--expect <position:hash>", "does the event there have this hash?", parseExpected)
    .option("--since <file>", "check only what was appended after this head", parseFile)
    .option("--key <key>", "trust heads of this public key too (repeatable)", addFile, [])
    .option(...CERTIFICATE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(async (options: VerifyOptions) => {
      const { bodies, json = false, strict = false } = options;
      const actor = actorOf(options);
      if (options.certificateOut !== undefined && !bodies) {
        throw new WrongUsage("a certificate says that bodies were checked: leave --no-bodies out");
      }
      await checkCertificateFile(options);
      const { stream, verified, failure, open } = await verifyLedger({ ...options, actor });
      const findings = [...stream.findings, ...verified.flatMap((model) => model.findings)];
      if (json)
        printJson<"verify">({
          ...{ ...streamRecord(stream, findings), ...modelsRecord(verified), open },
          not_compared: notCompared(stream, verified),
        });
      else {
        printVerification(stream, verified, findings, failure);
        printOpen(open);
      }
      const isFound = findings.length > 0 || (strict && open.length > 0);
      if (isFound || failure instanceof Stopped) process.exitCode = EXIT.findings;
      // Findings are printed even if not everything could be checked.
      else if (failure !== null) throw failure;
    });
}

/** Verifies the stream, then the index of signed heads and the models if they are asked for, and certifies it. */
async function verifyLedger(options: VerifyOptions & Readonly<{ actor: string }>) {
  const { models = false, bodies } = options;
  return withUncheckedLedger(async (backends) => {
    const anchored = await verifyAnchored(backends, bodies, options);
    // If the chain is broken, projecting the stream again proves nothing.
    const refold = models && anchored.findings.length === 0;
    // A certificate is signed with the index.
    const isIndexUsed = refold || options.certificateOut !== undefined;
    const stream = isIndexUsed ? await withIndex(backends, anchored) : anchored;
    const folded = await verifyModels(backends, refold);
    await certifyClean(backends, options, { stream, ...folded });
    return { stream, ...folded, open: await readOpen(backends) };
  });
}

/** Writes a certificate if everything was checked and nothing was found. */
async function certifyClean(
  backends: Backends,
  by: CertificateOption & Readonly<{ actor: string }>,
  { stream, verified, failure }: ModelsVerified & Readonly<{ stream: AnchoredVerification }>,
): Promise<void> {
  const isClean = [stream, ...verified].every(({ findings }) => findings.length === 0);
  if (!isClean || failure !== null) return;
  const { position } = stream.head;
  if (by.certificateOut !== undefined && stream.events === 0) {
    throw new WrongUsage(`nothing came since position ${position}: there is nothing to certify`);
  }
  const folded = verified.flatMap(({ model, refolded }) =>
    refolded === null ? [] : [[model, refolded] as const],
  );
  await signStatement(backends, by, async () => ({
    statement: "verify",
    ...{ from: String(position - stream.events + 1), to: String(position) },
    models: certifiedModels(folded),
  }));
}

const HELP = `
Ends with 1 where something is damaged, naming the first bad position, and then writes no certificate.
It stops where the chain is broken, or after about a hundred findings, and says what it has not checked.
Ends with 2 where a file is no head or certificate of this ledger, or its key is neither this
installation's nor given by --key. The last head that was made here is compared too; but what was cut
or written anew together with it, only a head shows that lay with others. What the provider has not
sent, or sent unreadable, is no damage: it is listed, and ends with 1 only with --strict.`;

/** Missing data, which is no damage; includes acknowledged gaps. */
type OpenFinding = Readonly<{ what: "gap" | "quarantined"; open: number; unacknowledged: number }>;

/** @returns an empty list if the balances model cannot be read, which `verify` reports itself */
function readOpen(backends: Backends): Promise<readonly OpenFinding[]> {
  return withModels(backends, async (models) => {
    try {
      const rule = stuckRule(backends.clock.now(), 0);
      const { anomalies, ledger } = await readAttention(models, "balances", rule);
      const gaps = anomalies.filter(({ kind }) => kind === "gap");
      const quarantined = ledger?.quarantined.unacknowledged ? [ledger.quarantined] : [];
      return [
        ...gaps.map(({ open, unacknowledged }) => ({ what: "gap", open, unacknowledged }) as const),
        ...quarantined.map((count) => ({ what: "quarantined", ...count }) as const),
      ];
    } catch (error) {
      if (isEngineError(error) || error instanceof ModelNotServed) return [];
      throw error;
    }
  });
}

const OPEN_WORDS = {
  gap: ["open gap", "open gaps", "anomalies list --kind gap"],
  quarantined: ["unreadable delivery", "unreadable deliveries", "quarantine list"],
} as const;

function printOpen(open: readonly OpenFinding[]): void {
  for (const { what, open: count, unacknowledged } of open) {
    const [one, many, command] = OPEN_WORDS[what];
    print(
      `${counted(count, one, many)}, ${unacknowledged} unacknowledged: \`counterfoil ${command}\``,
    );
  }
}

type ModelsVerified = Readonly<{
  verified: readonly ModelVerification[];
  /** Why the other models were not checked. */
  failure: Error | null;
}>;

/** Verifies all models; SIGINT stops the current one, and removes its temporary build. */
async function verifyModels(backends: Backends, refold: boolean): Promise<ModelsVerified> {
  keepHeapLean();
  const verified: ModelVerification[] = [];
  try {
    await untilInterrupted(async (signal) => {
      for (const model of MODEL_NAMES) {
        verified.push(await verifyOne(backends, model, refold, signal));
      }
    }, "stopped before all models were folded again");
    return { verified, failure: null };
  } catch (error) {
    if (!isEngineError(error) && !(error instanceof Stopped)) throw error;
    return { verified, failure: error as Error };
  }
}

async function verifyOne(
  backends: Backends,
  model: ModelName,
  refold: boolean,
  signal: AbortSignal,
): Promise<ModelVerification> {
  const options = { ...backends, projection: PROJECTIONS[model], refold, signal };
  if (!refold) return verifyModel(options);
  return withProgress(model, (onProgress) => verifyModel({ ...options, onProgress }));
}

function streamRecord(
  { events, bodies, head, root, unverified, foreign }: AnchoredVerification,
  findings: readonly Finding[],
) {
  const { position, hash, recordedAt } = head;
  return {
    ...{ events, bodies, root },
    head: {
      ...{ position: String(position), hash },
      recorded_at: position === 0 ? null : formatTime(recordedAt),
    },
    findings: findings.map(findingRecord),
    unverified: unverified && { from: String(unverified.from), to: String(unverified.to) },
    foreign: foreign.map((event) => ({ ...event, position: String(event.position) })),
  };
}

/** What was not compared although it was asked for, and why. */
const notCompared = (
  stream: AnchoredVerification,
  models: readonly ModelVerification[],
): readonly string[] => [...stream.not_compared, ...models.flatMap((one) => one.notCompared ?? [])];

const isHere = ({ live, findings }: ModelVerification): boolean =>
  live !== null || findings.length > 0;

const modelsRecord = (verified: readonly ModelVerification[]) => ({
  models: verified.filter(isHere).map(({ model, generation, live, refolded, findings }) => ({
    ...{ model, generation, findings: findings.map(findingRecord) },
    live: live && checkpointRecord(live),
    refolded: refolded && checkpointRecord(refolded),
  })),
});

const findingRecord = ({ position, what, detail }: Finding): FindingRecord => ({
  position: position === null ? null : String(position),
  ...{ what, detail },
});

function printVerification(
  stream: AnchoredVerification,
  models: readonly ModelVerification[],
  findings: readonly Finding[],
  failure: Error | null,
): void {
  const { events, unverified, bodies, head, root, foreign } = stream;
  print(
    `${counted(events, "event")} checked up to hash ${head.hash}, ${counted(bodies, "body", "bodies")}`,
  );
  print(root === null ? "" : `Root of the tree over them ${root}\n`);
  const columns = [
    { title: "model" },
    { title: "generation", align: "right" },
    { title: "position", align: "right" },
    { title: "digest" },
    { title: "folded again" },
  ] as const;
  const rows = models
    .filter(isHere)
    .map(({ model, generation, live, refolded }) => [
      model,
      generation,
      live?.position ?? null,
      live && shortDigest(live.digest),
      refolded && shortDigest(refolded.digest),
    ]);
  if (rows.length > 0) print(`${renderTable(columns, rows)}\n`);
  for (const { position, event_type, event_id } of readable(foreign)) {
    print(`position ${position}: foreign event ${event_type} ${event_id}, sealed into the chain`);
  }
  for (const { position, what, detail } of readable(findings)) {
    print(`${position === null ? "" : `position ${position}: `}${what}: ${detail}`);
  }
  for (const why of notCompared(stream, models)) print(`Not compared: ${why}.`);
  if (findings.length > 0) print(`${counted(findings.length, "finding")}.`);
  else if (unverified === null && failure === null) print("Nothing is wrong.");
  if (unverified !== null) {
    const { from, to } = unverified;
    print(`Stopped there: positions ${from} to ${to} were not checked, and more may follow.`);
  }
  if (failure !== null) print(`Not finished: ${failure.message}`);
}
