import { Command, CommanderError } from "commander";
import { VERSION } from "./build.ts";
import { anomaliesCommand } from "./commands/anomalies.ts";
import { eraseCommand } from "./commands/erase.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand, importCommand } from "./commands/export-import.ts";
import { headCommand, proofCommand } from "./commands/head.ts";
import { keysCommand } from "./commands/keys.ts";
import { proveCommand } from "./commands/prove.ts";
import { quarantineCommand } from "./commands/quarantine.ts";
import { searchCommand, totalsCommand } from "./commands/query.ts";
import { rebuildCommand, rollbackCommand } from "./commands/rebuild.ts";
import { replayCommand } from "./commands/replay.ts";
import { retranslateCommand } from "./commands/retranslate.ts";
import { roleCommands } from "./commands/roles.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { statusCommand } from "./commands/status.ts";
import { verifyCommand } from "./commands/verify.ts";
import { EXIT, printedError, reportOf } from "./error-report.ts";
import { outliveReaders } from "./output/print.ts";

const HELP = `
Everything is configured by environment variables COUNTERFOIL_…, listed in the README. Commands work
on the data folder itself, with or without a running service.

Ends with 0 where all is well, 1 where something was found or refused, 2 where the command line or
the configuration is wrong, 3 where the engine cannot be used just now.

Examples:
  $ counterfoil start
  $ counterfoil status --json
  $ counterfoil verify --models
  $ counterfoil rebuild all`;

outliveReaders();

// Whatever a command makes, no other user of the machine reads: files are 0600, folders 0700.
process.umask(0o077);

try {
  await createProgram().parseAsync();
} catch (error) {
  // Commander has printed what is wrong, or the help that was asked for.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    process.stderr.write(printedError(error, process.env.COUNTERFOIL_LOG_LEVEL));
    process.exitCode = reportOf(error).exit;
  }
}

/** The command line. Wrong usage is thrown as a `CommanderError`, printed already. */
function createProgram(): Command {
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
