import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { formatTime, type Nanos } from "@counterfoil/core/exact/time";
import { Problem } from "@counterfoil/http/problem";
import type { Heads } from "@counterfoil/processing/audit/heads";
import type { Rebuilds } from "@counterfoil/processing/generations/rebuild";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { RoleLocks } from "@counterfoil/processing/ports/role-locks";
import { type StuckRule, stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import {
  type CursorScope,
  decodeCursor,
  encodeCursor,
  type Found,
  type Page,
  type PageRequest,
} from "@counterfoil/processing/queries/answers";
import { lastPositionBy, lateArrivals } from "@counterfoil/processing/queries/known-at";
import type { Moment } from "@counterfoil/processing/queries/moment";
import type { ReadModel, ServedModels } from "@counterfoil/processing/queries/serving";
import type { StatusSources } from "@counterfoil/processing/queries/status";
import type { Caller } from "./access.ts";
import { position, time } from "./parameter.ts";

/** The sources that routes read. */
export type Sources = Readonly<{
  config: Config;
  stream: EventStream;
  models: ServedModels;
  /** Holds the index beside the signed heads. */
  catalogue: Pick<ModelCatalogue, "generations" | "openForReading">;
  clock: Clock;
  rebuilds: Rebuilds;
  /** Reads how far the ledger is published; if absent, the status omits it. */
  published?: StatusSources["published"];
  heads: Heads;
  headKey?: StatusSources["headKey"];
  areAppendsRefused?: StatusSources["areAppendsRefused"];
  /** Logs why a model cannot be read: the status does not say it. */
  onUnreadable?: StatusSources["onUnreadable"];
  /** The engine of the stream, for `/v1/status`. */
  engine: StatusRecord["engine"];
  /** Show whether a projector runs a model; without them no model is reported as stopped. */
  locks?: Pick<RoleLocks, "tryAcquire">;
  /** Aborts when the gateway stops, which ends waits for a position. */
  stopping: AbortSignal;
}>;

/** The problems of a route that reads a model, and waits for a position. */
export const MODEL_PROBLEMS = [
  "model_unavailable",
  "stream_unavailable",
  "position_timeout",
  "position_ahead",
] as const;

/** How long a request waits for a read model to reach a position. */
const POSITION_WAIT_MS = 5_000;

type ReadOptions = Readonly<{
  model: ModelName;
  /** Wait until the model has reached this position. */
  minPosition: number | undefined;
  disconnected: () => AbortSignal;
}>;

/**
 * Reads a model once it has reached the requested position.
 *
 * @throws Problem position_timeout, position_ahead, model_unavailable
 */
export async function readModel<T>(
  sources: Sources,
  { model, minPosition, disconnected }: ReadOptions,
  read: ReadModel<T>,
): Promise<T> {
  const { models } = sources;
  if (minPosition === undefined) return models.snapshot(model, read);
  const found = await models.snapshot(model, async (rows, checkpoint, served) =>
    checkpoint.position < minPosition ? null : { answer: await read(rows, checkpoint, served) },
  );
  if (found !== null) return found.answer;
  await waitForPosition(sources, model, minPosition, disconnected);
  return models.snapshot(model, read);
}

/** Waits until each of these models has reached a position. @throws Problem as `readModel` */
export async function waitForModels(
  sources: Sources,
  models: readonly ModelName[],
  minPosition: number,
  disconnected: () => AbortSignal,
): Promise<void> {
  for (const model of models) await waitForPosition(sources, model, minPosition, disconnected);
}

/** The last position that was known at a time. */
export async function positionKnownBy(
  sources: Sources,
  time: bigint,
  disconnected: () => AbortSignal,
): Promise<number> {
  const recorded = await lastPositionBy(sources.stream, time);
  const late = await lateArrivals(sources, time);
  if (late === null) return recorded;
  const reading = { model: "balances", minPosition: late.minPosition, disconnected } as const;
  return Math.max(recorded, await readModel(sources, reading, late.read));
}

/** More events than are appended while a request waits: a position further ahead is a mistake. */
const POSITIONS_AHEAD_MAX = 100_000;

async function waitForPosition(
  { models, stream, clock, stopping }: Sources,
  model: ModelName,
  position: number,
  disconnected: () => AbortSignal,
): Promise<void> {
  const reached = await models.snapshot(model, async (_rows, checkpoint) => checkpoint.position);
  if (reached >= position) return;
  const head = await stream.head();
  if (position > head.position + POSITIONS_AHEAD_MAX) {
    throw new Problem(
      "position_ahead",
      `the stream ends at position ${head.position}, and ${position} was asked for: no event is there`,
    );
  }
  const limit = new AbortController();
  const end = AbortSignal.any([disconnected(), stopping, limit.signal]);
  void clock.sleep(POSITION_WAIT_MS, end).then(() => limit.abort());
  const isReached = await models.waitFor(model, position, end);
  limit.abort();
  if (isReached) return;
  const found = await models.snapshot(model, async (_rows, checkpoint) => checkpoint.position);
  throw new Problem(
    "position_timeout",
    `${model} is at position ${found}, and ${position} was asked for: ask again`,
  );
}

/** @throws Problem not_found, ambiguous_id */
export function requireFound<Record>(found: Found<Record>, what: string, id: string): Record {
  if (found.outcome === "found") return found.record;
  if (found.outcome === "missing") throw new Problem("not_found", `there is no ${what} "${id}"`);
  const { candidates } = found;
  const detail = `"${id}" stands for ${candidates.length} of them: ask for one by its own id`;
  throw new Problem("ambiguous_id", detail, { candidates: [...candidates] });
}

export function currentStuckRule({ clock, config }: Pick<Sources, "clock" | "config">): StuckRule {
  return stuckRule(clock.now(), config.COUNTERFOIL_STUCK_AFTER);
}

/** Scopes a list's cursors to the caller's platform: a cursor from another platform's list is invalid. */
export function scopeFor({ platform }: Caller, list: CursorScope): CursorScope {
  return platform === null ? list : { ...list, filters: { ...list.filters, for: platform } };
}

type PageParameters = Readonly<{ limit: number; cursor?: string | undefined }>;

/** @throws Problem invalid_cursor */
export function pageOf({ limit, cursor }: PageParameters, scope: CursorScope): PageRequest {
  if (cursor === undefined) return { limit, beyond: null };
  const beyond = decodeCursor(cursor, scope, nodeHashing);
  if (beyond !== null) return { limit, beyond };
  throw new Problem(
    "invalid_cursor",
    "the cursor was not given out for this list with these filters: begin without one",
  );
}

/** The body of an answer with a page of a list. */
export function listBody<Record>(
  { data, next }: Page<Record>,
  scope: CursorScope,
  position: number,
) {
  const next_cursor = next === null ? null : encodeCursor(next, scope, nodeHashing);
  return { data, position: String(position), next_cursor };
}

/** The body of an answer with one record. */
export const oneBody = <Record>(data: Record, position: number) => ({
  data,
  position: String(position),
});

/** Parameters without those that are undefined. */
export function definedOnly<Parameters extends Readonly<Record<string, unknown>>>(
  parameters: Parameters,
): { [Name in keyof Parameters]?: Exclude<Parameters[Name], undefined> } {
  const entries = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof definedOnly<Parameters>>;
}

/** Formats a time parameter for the filters of a list's cursor scope. */
export const formatOptionalTime = (nanos: bigint | undefined): string | undefined =>
  nanos === undefined ? undefined : formatTime(nanos);

/** Parameters that limit the facts of an answer; its `position` is the limit. */
export const knownParameters = {
  at_position: position("Use only the facts up to this position: what was known there"),
  known_at: time("Use only the facts that had arrived by this time: what was known then"),
};

/** The same, and the effective time. Combined with one of the others: what was then known of that time. */
export const momentParameters = {
  as_of: time("As it was at this time, by all known facts"),
  ...knownParameters,
};

type MomentParameters = Readonly<{
  as_of?: Nanos | undefined;
  at_position?: number | undefined;
  known_at?: Nanos | undefined;
}>;

/** The moment of a request. */
export type RequestedMoment = Readonly<{
  moment: Moment;
  /** For the scope of a list's cursors. */
  filters: Readonly<Record<string, string | number>>;
  /** Decides what was stuck at the moment; it may read the stream. */
  rule: () => Promise<StuckRule>;
}>;

/**
 * The moment of a request, with `known_at` resolved to a position.
 *
 * @throws Problem unsupported_combination if both a position and a time limit the facts
 */
export async function momentOf(
  sources: Sources,
  { as_of, at_position, known_at }: MomentParameters,
  disconnected: () => AbortSignal,
): Promise<RequestedMoment> {
  if (at_position !== undefined && known_at !== undefined) {
    throw new Problem(
      "unsupported_combination",
      "at_position and known_at both say up to which fact: ask for one of them",
    );
  }
  const position =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const times = {
    as_of: formatOptionalTime(as_of),
    at_position,
    known_at: formatOptionalTime(known_at),
  };
  return {
    moment: definedOnly({ as_of, at_position: position }),
    filters: definedOnly(times),
    rule: () => stuckRuleAt(sources, as_of ?? known_at, position),
  };
}

/** The clock of a position is the time at which its event was recorded. */
async function stuckRuleAt(
  sources: Sources,
  time: Nanos | undefined,
  position: number | undefined,
): Promise<StuckRule> {
  const after = sources.config.COUNTERFOIL_STUCK_AFTER;
  if (time !== undefined) return stuckRule(time, after);
  if (position === undefined || position === 0) return currentStuckRule(sources);
  const [event] = await sources.stream.read({ after: position - 1, limit: 1 });
  return event === undefined ? currentStuckRule(sources) : stuckRule(event.recorded_at, after);
}

/** The position that a model must have reached to be read at a moment. */
export function minPositionOf(
  { at_position }: Moment,
  minPosition: number | undefined,
): number | undefined {
  return Math.max(minPosition ?? 0, at_position ?? 0) || undefined;
}
