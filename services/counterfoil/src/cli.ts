import { CommanderError } from "commander";
import { printedError, reportOf } from "./error-report.ts";
import { EXIT } from "./exit-code.ts";
import { createProgram } from "./program.ts";

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
