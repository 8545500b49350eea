import { ERROR_CODES, type ErrorCode } from "@counterfoil/contracts/http";
import { SchemaTooNew } from "@counterfoil/core/stream/read-event";
import { NotInTree } from "@counterfoil/processing/audit/heads";
import { RebuildRunning } from "@counterfoil/processing/generations/rebuild";
import { AlreadyClosed, NothingThere } from "@counterfoil/processing/operator";
import {
  ExportRefused,
  FileUnusable,
  FormatTooNew,
  GenerationMissing,
  HeadKeyUnusable,
  LedgerMismatch,
  ModelCorrupted,
  ModelUnavailable,
  StreamCorrupted,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import {
  BrokersDisagree,
  TopicMisconfigured,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topics";

import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import { visibleLines } from "./output/visible.ts";

/** The exit codes of a command. */
export const EXIT = {
  ok: 0,
  /** Problems were found, or the command was refused. */
  findings: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The engine is not available now. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line asks for something invalid, whatever the data is. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

/** The work was interrupted by a signal. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** No service answers at the URL. */
export class ServiceUnreachable extends Error {
  override readonly name = "ServiceUnreachable";

  constructor(baseUrl: string, reason: string) {
    super(
      `${baseUrl} does not answer (${reason}): start the service with \`counterfoil start\`, or say with --url where it is`,
    );
  }
}

/** Codes that only the command line uses. */
type CommandCode =
  | "wrong_usage"
  | "service_unreachable"
  | "file_unusable"
  | "export_refused"
  | "stopped";

/** The printed code and message of an error, and its exit code. */
type ErrorReport = Readonly<{
  code: ErrorCode | CommandCode;
  message: string;
  exit: ExitCode;
}>;

type Kind = Omit<ErrorReport, "message"> & Readonly<{ of: abstract new (...args: never) => Error }>;

/** The ports' errors. Transient ones exit with 3, so that a supervisor retries. */
const KINDS: readonly Kind[] = [
  { of: WrongUsage, code: "wrong_usage", exit: EXIT.usage },
  { of: ServiceUnreachable, code: "service_unreachable", exit: EXIT.unavailable },
  { of: FileUnusable, code: "file_unusable", exit: EXIT.unavailable },
  { of: ExportRefused, code: "export_refused", exit: EXIT.findings },
  { of: Stopped, code: "stopped", exit: EXIT.findings },
  { of: StreamMissing, code: "stream_unavailable", exit: EXIT.unavailable },
  { of: StreamUnavailable, code: "stream_unavailable", exit: EXIT.unavailable },
  { of: ModelUnavailable, code: "model_unavailable", exit: EXIT.unavailable },
  { of: ModelNotServed, code: "model_unavailable", exit: EXIT.unavailable },
  { of: FormatTooNew, code: "format_too_new", exit: EXIT.findings },
  { of: SchemaTooNew, code: "format_too_new", exit: EXIT.findings },
  { of: LedgerMismatch, code: "ledger_mismatch", exit: EXIT.usage },
  { of: StreamCorrupted, code: "stream_corrupted", exit: EXIT.findings },
  { of: StreamForked, code: "stream_forked", exit: EXIT.findings },
  { of: ModelCorrupted, code: "model_unavailable", exit: EXIT.findings },
  { of: GenerationMissing, code: "generation_missing", exit: EXIT.findings },
  { of: TopicsUnavailable, code: "topics_unavailable", exit: EXIT.unavailable },
  { of: TopicMisconfigured, code: "topics_misconfigured", exit: EXIT.findings },
  { of: BrokersDisagree, code: "configuration_invalid", exit: EXIT.usage },
  { of: NothingThere, code: "not_found", exit: EXIT.usage },
  { of: AlreadyClosed, code: "already_closed", exit: EXIT.findings },
  { of: HeadKeyUnusable, code: "head_key_unusable", exit: EXIT.usage },
  { of: NotInTree, code: "not_found", exit: EXIT.usage },
  { of: RebuildRunning, code: "rebuild_running", exit: EXIT.findings },
];

/** Codes of errors that carry their own code: configuration and addresses. */
const USAGE_CODES: ReadonlySet<string> = new Set(["configuration_invalid", "port_in_use"]);

/** The code, the message and the exit code of an error. */
export function reportOf(error: unknown): ErrorReport {
  const message = error instanceof Error ? error.message : String(error);
  const kind = KINDS.find(({ of }) => error instanceof of);
  if (kind !== undefined) return { code: kind.code, message, exit: kind.exit };
  const { code } = Object(error) as { code?: unknown };
  if (typeof code !== "string" || !Object.hasOwn(ERROR_CODES, code)) {
    return { code: "internal_error", message, exit: EXIT.findings };
  }
  const exit = USAGE_CODES.has(code) ? EXIT.usage : EXIT.findings;
  return { code: code as ErrorCode, message, exit };
}

const VERBOSE: ReadonlySet<string | undefined> = new Set(["debug", "trace"]);

/** What is left of a command that has ended because something is unavailable. */
const LEFT: Readonly<Record<string, string>> = {
  import: ": what is imported stays, and the import goes on behind it",
  ...Object.fromEntries(
    ["export", "prove", "replay"].map((name) => [name, ": nothing of this run is left"]),
  ),
};

/**
 * The lines for stderr; with the stack only at the log levels debug and trace. A service tries again
 * by itself; a command has ended, and says that it has to be repeated.
 *
 * @param command its name, if the command line was understood
 */
export function printedError(
  error: unknown,
  logLevel: string | undefined,
  command: string | null = null,
): string {
  const { code, message, exit } = reportOf(error);
  const lines = [`error: ${code}`, ...message.split("\n").map((line) => `  ${line}`)];
  if (exit === EXIT.unavailable) {
    lines.push(`  then repeat the command${LEFT[command ?? ""] ?? ""}`);
  }
  if (VERBOSE.has(logLevel) && error instanceof Error) lines.push(error.stack ?? "");
  else if (code === "internal_error") lines.push("  COUNTERFOIL_LOG_LEVEL=debug shows where");
  return visibleLines(`${lines.join("\n")}\n`);
}
