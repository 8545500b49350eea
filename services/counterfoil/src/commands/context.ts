import { userInfo } from "node:os";
import { loadConfig } from "@counterfoil/adapters/config";
import {
  type Access,
  type Backends,
  connect,
  isOfInstallation,
} from "@counterfoil/adapters/connect";
import { readTextFile } from "@counterfoil/adapters/node/files";
import { type DataOf, type ModelName, modelName } from "@counterfoil/contracts/fact";
import { actor, note } from "@counterfoil/contracts/service-fact";
import { formatTime, type Nanos, parseTime } from "@counterfoil/core/exact/time";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { recordAction } from "@counterfoil/processing/operator";
import { FileUnusable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { lastPositionBy } from "@counterfoil/processing/queries/known-at";
import { type ServedModels, serveModels } from "@counterfoil/processing/queries/serving";
import { InvalidArgumentError } from "commander";
import { Stopped, WrongUsage } from "../error-report.ts";
import { openExisting, withBackends } from "../service/open-ledger.ts";

/** Said of every option that names a file to write. */
export const REPLACED = "an existing file is replaced";

/** A file to read, or to write. */
export function parseFile(file: string): string {
  if (file !== "") return file;
  throw new InvalidArgumentError("expected the name of a file, found an empty one");
}

/** A repeatable option that names files to read. */
export const addFile = (file: string, before: readonly string[]): readonly string[] => [
  ...before,
  parseFile(file),
];

/** Heads, certificates and keys have less than a tenth of it. */
const NAMED_FILE_BYTES_MAX = 64 * 1024;

/** Reads a head, a certificate or keys. @throws WrongUsage: what cannot be read is none of them */
export function textIn(file: string): string {
  try {
    return readTextFile(file, NAMED_FILE_BYTES_MAX);
  } catch (error) {
    throw error instanceof FileUnusable ? new WrongUsage(error.message) : error;
  }
}

/** A file to write. @throws InvalidArgumentError for one that the ledger itself keeps */
export function parseOut(file: string): string {
  parseFile(file);
  if (!isOfInstallation(loadConfig(process.env), file)) return file;
  throw new InvalidArgumentError("expected another file than those that the ledger keeps");
}

export const JSON_OPTION = ["--json", "print JSON for programs"] as const;

export const NOTE_OPTION = ["--note <text>", "the reason, for later readers"] as const;
export const ACTOR_OPTION = ["--actor <name>", "who acts (default: the system's user)"] as const;

export type ActorOption = Readonly<{ actor?: string }>;
export type ActorOptions = ActorOption & Readonly<{ note: string }>;

/** The recorded name of the operator; checks the note too. @throws WrongUsage */
export function actorOf(options: ActorOption & Readonly<{ note?: string }>) {
  const name = actor.safeParse(options.actor ?? systemUser());
  if (!name.success) throw new WrongUsage("--actor: expected a name of 1 to 200 characters");
  if (options.note !== undefined && !note.safeParse(options.note).success) {
    throw new WrongUsage("--note: expected a text of 1 to 2000 characters");
  }
  return name.data;
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

export type JsonOption = Readonly<{ json?: boolean }>;

/** Opens the ledger that the environment names; a service may run on it at the same time. */
export async function withLedger<T>(
  access: Access,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  return withBackends(openExisting(loadConfig(process.env), access), work);
}

/** The same without checks, for a command that looks for damage. */
export async function withUncheckedLedger<T>(work: (backends: Backends) => Promise<T>): Promise<T> {
  return withBackends(connect(loadConfig(process.env), "read"), work);
}

/** The same for an operator's action that cannot be refused, which is recorded before it starts. */
export function withRecordedAction<T>(
  action: Action,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  return withLedger("write", async (backends) => {
    await recordAction(backends, action);
    return work(backends);
  });
}

type Action = DataOf<"OperatorActed">;

/**
 * Runs work that SIGINT and SIGTERM abort, so that it can remove what is not finished; a second signal
 * ends the process (`signals.ts`).
 *
 * @param what the message of the `Stopped` error that is the signal's reason
 */
export async function untilInterrupted<T>(
  work: (signal: AbortSignal) => Promise<T>,
  what = "stopped before it was finished",
): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Stopped(what));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await work(stopping.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** Opens the read models that the ledger serves. */
export async function withModels<T>(
  backends: Backends,
  work: (models: ServedModels) => Promise<T>,
): Promise<T> {
  const models = serveModels(backends);
  try {
    return await work(models);
  } finally {
    await models.close();
  }
}

export const stuckAfterSeconds = (): number => loadConfig(process.env).COUNTERFOIL_STUCK_AFTER;

export function parseModel(text: string): ModelName {
  return modelIn(text, MODEL_NAMES);
}

/** @param choices what is listed if the text names no model */
function modelIn(text: string, choices: readonly string[]): ModelName {
  const read = modelName.safeParse(text);
  if (read.success) return read.data;
  // No two models begin with the same letter.
  const similar = MODEL_NAMES.find((name) => text !== "" && name[0] === text[0]?.toLowerCase());
  const hint = similar === undefined ? "" : `; did you mean ${similar}?`;
  throw new InvalidArgumentError(`expected one of ${choices.join(", ")}${hint}`);
}

export function parseModelOrAll(text: string): readonly ModelName[] {
  return text === "all" ? MODEL_NAMES : [modelIn(text, [...MODEL_NAMES, "all"])];
}

export function parseModels(text: string): readonly ModelName[] {
  return [...new Set(text.split(",").map((name) => parseModel(name.trim())))];
}

export function parsePositive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 1 to 999999999");
}

export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("expected a port: a whole number from 0 to 65535");
}

/** A rate from 0 to 1. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() !== "" && rate >= 0 && rate <= 1) return rate;
  throw new InvalidArgumentError("expected a number from 0 to 1");
}

/** A point of the stream on the command line: a position, or a time of recording. */
export type Point = Readonly<{ position: number }> | Readonly<{ time: Nanos }>;

export const POINT_HELP =
  "Points are positions (1234) or times of recording (2026-03-01T00:00:00Z).";

export function parsePoint(text: string): Point {
  if (/^[1-9]\d{0,14}$/.test(text)) return { position: Number(text) };
  // Digits alone are a position, so a time as a number of seconds is not accepted.
  const time = /^\d+$/.test(text) ? null : parseTime(text);
  if (time !== null) return { time };
  throw new InvalidArgumentError(
    "expected a position from 1 on, or a time with a zone such as 2026-03-01T00:00:00Z, in the years 1970 to 2200",
  );
}

/**
 * The last position at a point.
 *
 * @throws WrongUsage if the stream has no such position, or nothing was recorded by then
 */
export async function lastPositionOf(stream: EventStream, point: Point): Promise<number> {
  if ("position" in point) return assertExists(stream, point.position);
  const position = await lastPositionBy(stream, point.time);
  if (position > 0) return position;
  throw new WrongUsage(`nothing was recorded by ${formatTime(point.time)}: name a later time`);
}

/** The first position from a point on. @throws WrongUsage as `lastPositionOf` */
export async function firstPositionOf(stream: EventStream, point: Point): Promise<number> {
  if ("position" in point) return assertExists(stream, point.position);
  const before = await lastPositionBy(stream, point.time - 1n);
  if (before < (await stream.head()).position) return before + 1;
  throw new WrongUsage(
    `nothing was recorded from ${formatTime(point.time)} on: name an earlier time`,
  );
}

async function assertExists(stream: EventStream, position: number): Promise<number> {
  const head = await stream.head();
  if (position <= head.position) return position;
  throw new WrongUsage(`there is no position ${position}: the stream ends at ${head.position}`);
}
