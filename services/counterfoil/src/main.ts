import { setImmediate as nextTurn } from "node:timers/promises";
import { loadConfig } from "@counterfoil/adapters/config";
import { createLogger } from "@counterfoil/adapters/log";
import { startTracing } from "@counterfoil/adapters/tracing";
import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { Command, CommanderError, Option } from "commander";
import { anomaliesCommand, quarantineCommand } from "./commands/attention.ts";
import { parseModels } from "./commands/context.ts";
import { eraseCommand } from "./commands/erase.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand, importCommand } from "./commands/export-import.ts";
import { keysCommand } from "./commands/keys.ts";
import { headCommand, proofCommand, proveCommand } from "./commands/proving.ts";
import { searchCommand, statusCommand, totalsCommand } from "./commands/query.ts";
import { rebuildCommand, rollbackCommand } from "./commands/rebuild.ts";
import { replayCommand } from "./commands/replay.ts";
import { retranslateCommand } from "./commands/retranslate.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { verifyCommand } from "./commands/verify.ts";
import { EXIT, printedError, reportOf } from "./error-report.ts";
import { ignoreClosedOutput } from "./output/print.ts";
import { VERSION } from "./program.ts";
import { checkOpenFiles } from "./service/open-ledger.ts";
import type { StartRole } from "./service/service.ts";
import { runUntilSignal } from "./service/signals.ts";

const HELP = `
Everything is configured by environment variables COUNTERFOIL_…, see docs/configuration.md. Commands
work on the data folder itself, with or without a running service.

Ends with 0 where all is well, 1 where something was found or refused or a signal stopped a command,
2 where the command line or the configuration is wrong, 3 where the engine, or a file that was named,
cannot be used just now.

Examples:
  $ counterfoil start
  $ counterfoil status --json
  $ counterfoil verify --models
  $ counterfoil rebuild all`;

/** The command line. Wrong usage is thrown as a `CommanderError`, which is already printed. */
export function createProgram(): Command {
  const program = new Command("counterfoil")
    .description("An event-sourced ledger of money that is held at custody providers.")
    .version(VERSION)
    .addHelpText("after", HELP);
  const groups: readonly (readonly [string, readonly Command[]])[] = [
    ["Running:", roleCommands()],
    [
      "Looking:",
      [
        ...[statusCommand(), totalsCommand(), searchCommand(), explainCommand()],
        ...[anomaliesCommand(), verifyCommand(), replayCommand()],
      ],
    ],
    ["Proving:", [headCommand(), proofCommand(), proveCommand()]],
    [
      "Repairing:",
      [rebuildCommand(), rollbackCommand(), retranslateCommand(), quarantineCommand()],
    ],
    ["Access:", [keysCommand()]],
    ["Moving:", [exportCommand(), importCommand()]],
    ["Erasing:", [eraseCommand()]],
    ["Trying out:", [simulateCommand()]],
  ];
  for (const [heading, commands] of groups) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  throwOnWrongUsage(program);
  return program;
}

function throwOnWrongUsage(command: Command, path = command.name()): void {
  command.exitOverride().showHelpAfterError(`(${path} --help says more)`);
  for (const child of command.commands) throwOnWrongUsage(child, `${path} ${child.name()}`);
}

/** Loaded on demand: a short command must not wait for the HTTP server's modules. */
const ROLES = {
  start: async () => (await import("./roles/start.ts")).startService,
  ingestor: async () => (await import("./roles/ingestor.ts")).startIngestorRole,
  projector: async () => (await import("./roles/followers.ts")).startProjectorRole,
  publisher: async () => (await import("./roles/followers.ts")).startPublisherRole,
  gateway: async () => (await import("./roles/gateway.ts")).startGatewayRole,
} as const satisfies Readonly<Record<string, () => Promise<StartRole>>>;

async function runRole(role: keyof typeof ROLES, models = MODEL_NAMES): Promise<void> {
  const config = loadConfig(process.env);
  checkOpenFiles();
  const start: StartRole = await ROLES[role]();
  const logger = createLogger({ role, level: config.COUNTERFOIL_LOG_LEVEL });
  const drainMs = config.COUNTERFOIL_DRAIN_FOR;
  const stopTracing = await startTracing({ role, logger });
  const limits = { drainMs, stopMs: STOP_MS_MAX };
  await runUntilSignal((signal) => start({ config, logger, models, signal }), {
    logger,
    ...limits,
  });
  await stopTracing();
}

/** How long a service may take to stop: supervisors commonly kill after 30 s. It may end at any moment. */
const STOP_MS_MAX = 15_000;

function roleCommands(): readonly Command[] {
  return [
    new Command("start")
      .description("run everything in one process")
      .addHelpText("after", START_HELP)
      .action(() => runRole("start")),
    new Command("ingestor")
      .description("take webhooks and the Balances Feed in, and nothing else")
      .action(() => runRole("ingestor")),
    new Command("projector")
      .description("keep read models up to date, and nothing else")
      .addOption(modelOption())
      .addHelpText("after", "\nExample:\n  $ counterfoil projector --model balances,deposits")
      .action(({ model }: Readonly<{ model: readonly ModelName[] }>) =>
        runRole("projector", model),
      ),
    new Command("publisher")
      .description("publish facts and records to Kafka, and nothing else")
      .action(() => runRole("publisher")),
    new Command("gateway")
      .description("answer readers over HTTP, and nothing else")
      .action(() => runRole("gateway")),
  ];
}

function modelOption(): Option {
  return new Option("--model <names>", "which models, comma-separated")
    .argParser(parseModels)
    .default(MODEL_NAMES, "all");
}

const START_HELP = `
Examples:
  $ COUNTERFOIL_ALLOW_UNSIGNED=true counterfoil start
      to try it out: takes unsigned webhooks on 127.0.0.1:8080
  $ COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET=… COUNTERFOIL_DATA_DIR=/var/lib/counterfoil counterfoil start
      takes Zero Hash's webhooks at /webhooks/zerohash, answers at /v1/…, describes itself at /docs`;

/** Runs the command that the process was started with, and sets its exit code. */
export async function runProgram(): Promise<void> {
  ignoreClosedOutput();
  // Other users of the machine cannot read what a command creates: files are 0600, folders 0700.
  process.umask(0o077);
  /** The command that runs; null before the command line is understood. */
  let running: string | null = null;
  const program = createProgram().hook("preAction", (_program, command) => {
    running = command.name();
  });

  // A signal that came while the modules were loaded ends the process before the work begins.
  await nextTurn();

  try {
    await program.parseAsync();
  } catch (error) {
    // Commander has already printed the error, or the requested help.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else {
      process.stderr.write(printedError(error, process.env.COUNTERFOIL_LOG_LEVEL, running));
      process.exitCode = reportOf(error).exit;
    }
  }
}
