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
import type { RoleLocks } from "@counterfoil/processing/ports/installation";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { type StuckRule, stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import {
  type CursorScope,
  decodeCursor,
  encodeCursor,
  type Found,
  type Page,
  type PageRequest,
} from "@counterfoil/processing/queries/answers";
import type { Moment } from "@counterfoil/processing/queries/moment";
import {
  lastPositionBy,
  lateArrivals,
  type ReadModel,
  type ServedModels,
} from "@counterfoil/processing/queries/serving";
import type { StatusSources } from "@counterfoil/processing/queries/status";
import type { Caller } from "./access.ts";
import { position, time } from "./parameter.ts";

/** What routes answer from. */
export type Sources = Readonly<{
  config: Config;
  stream: EventStream;
  models: ServedModels;
  /** Where the index beside the signed heads is. */
  catalogue: Pick<ModelCatalogue, "generations" | "openForReading">;
  clock: Clock;
  rebuilds: Rebuilds;
  /** How far the ledger is published; without it the status does not say. */
  published?: StatusSources["published"];
  heads: Heads;
  headKey?: StatusSources["headKey"];
  /** Which engine holds the stream, for `/v1/status`. */
  engine: StatusRecord["engine"];
  /** Show whether a projector runs a model; without them no model is reported as stopped. */
  locks?: Pick<RoleLocks, "tryAcquire">;
  /** Aborts when the gateway stops, and with it the wait for a position. */
  stopping: AbortSignal;
}>;

/** What a route may answer because it reads a model, and waits for a position. */
export const MODEL_PROBLEMS = [
  "model_unavailable",
  "stream_unavailable",
  "position_timeout",
  "position_ahead",
] as const;

/** How long a request waits for a read model to reach a position. */
const POSITION_WAIT_MS = 5_000;

export type Reading = Readonly<{
  model: ModelName;
  /** Wait until the model has reached it. */
  minPosition: number | undefined;
  disconnected: () => AbortSignal;
}>;

/**
 * Reads a model, once it has reached the position that was asked for.
 *
 * @throws Problem position_timeout, position_ahead, model_unavailable
 */
export async function readModel<T>(
  sources: Sources,
  { model, minPosition, disconnected }: Reading,
  read: ReadModel<T>,
): Promise<T> {
  if (minPosition !== undefined) await reachPosition(sources, model, minPosition, disconnected());
  return sources.models.snapshot(model, read);
}

/** Waits until each of these models has reached a position. @throws Problem as `readModel` */
export async function reachAll(
  sources: Sources,
  models: readonly ModelName[],
  minPosition: number,
  disconnected: () => AbortSignal,
): Promise<void> {
  for (const model of models) await reachPosition(sources, model, minPosition, disconnected());
}

/** The last position of what had arrived by a time: what was known then. */
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

/** More than is appended while a request waits: what lies further ahead is a mistake. */
const AHEAD_MAX = 100_000;

async function reachPosition(
  { models, stream, clock, stopping }: Sources,
  model: ModelName,
  position: number,
  disconnected: AbortSignal,
): Promise<void> {
  const reached = await models.snapshot(model, async (_rows, checkpoint) => checkpoint.position);
  if (reached >= position) return;
  const head = await stream.head();
  if (position > head.position + AHEAD_MAX) {
    throw new Problem(
      "position_ahead",
      `the stream ends at position ${head.position}, and ${position} was asked for: no event is there`,
    );
  }
  const limit = new AbortController();
  const end = AbortSignal.any([disconnected, stopping, limit.signal]);
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
export function oneFound<Record>(found: Found<Record>, what: string, id: string): Record {
  if (found.outcome === "found") return found.record;
  if (found.outcome === "missing") throw new Problem("not_found", `there is no ${what} "${id}"`);
  const { candidates } = found;
  const detail = `"${id}" stands for ${candidates.length} of them: ask for one by its own id`;
  throw new Problem("ambiguous_id", detail, { candidates: [...candidates] });
}

export function stuckNow({ clock, config }: Pick<Sources, "clock" | "config">): StuckRule {
  return stuckRule(clock.now(), config.COUNTERFOIL_STUCK_AFTER);
}

/** A list as a caller sees it: a cursor that another's list gave out is none of it. */
export function listFor({ platform }: Caller, list: CursorScope): CursorScope {
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

/** A page as its body shows it. */
export function listBody<Record>(
  { data, next }: Page<Record>,
  scope: CursorScope,
  position: number,
) {
  const next_cursor = next === null ? null : encodeCursor(next, scope, nodeHashing);
  return { data, position: String(position), next_cursor };
}

export const oneBody = <Record>(data: Record, position: number) => ({
  data,
  position: String(position),
});

/** Parameters without those that were not given. */
export function given<Parameters extends Readonly<Record<string, unknown>>>(
  parameters: Parameters,
): { [Name in keyof Parameters]?: Exclude<Parameters[Name], undefined> } {
  const entries = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof given<Parameters>>;
}

/** A time of a parameter as the digest of a list's filters takes it. */
export const printedTime = (nanos: bigint | undefined): string | undefined =>
  nanos === undefined ? undefined : formatTime(nanos);

/** Which facts a past moment is told by; `position` of the answer says up to where they go. */
export const knownParameters = {
  at_position: position("By the facts up to this position: what was known there"),
  known_at: time("By the facts that had arrived by then: what was known at that time"),
};

/** The same, and which time is asked about. With one of the others: what was known then of that time. */
export const momentParameters = {
  as_of: time("As it was at this time, by all facts known"),
  ...knownParameters,
};

type Asked = Readonly<{
  as_of?: Nanos | undefined;
  at_position?: number | undefined;
  known_at?: Nanos | undefined;
}>;

/** A moment as it was asked for. */
export type AskedMoment = Readonly<{
  moment: Moment;
  /** For the scope of a list's cursors. */
  filters: Readonly<Record<string, string | number>>;
  /** What the moment's own clock says of what is stuck. */
  rule: StuckRule;
}>;

/**
 * The moment that a request asks for, with `known_at` as the position that it stands for.
 *
 * @throws Problem unsupported_combination: a position and a time both say up to which fact
 */
export async function momentOf(
  sources: Sources,
  { as_of, at_position, known_at }: Asked,
  disconnected: () => AbortSignal,
): Promise<AskedMoment> {
  if (at_position !== undefined && known_at !== undefined) {
    throw new Problem(
      "unsupported_combination",
      "at_position and known_at both say up to which fact: ask for one of them",
    );
  }
  const position =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const times = { as_of: printedTime(as_of), at_position, known_at: printedTime(known_at) };
  return {
    moment: given({ as_of, at_position: position }),
    filters: given(times),
    rule: await ruleAt(sources, as_of ?? known_at, position),
  };
}

/** Of a position the clock is where its event was recorded. */
async function ruleAt(
  sources: Sources,
  time: Nanos | undefined,
  position: number | undefined,
): Promise<StuckRule> {
  const after = sources.config.COUNTERFOIL_STUCK_AFTER;
  if (time !== undefined) return stuckRule(time, after);
  if (position === undefined || position === 0) return stuckNow(sources);
  const [event] = await sources.stream.read({ after: position - 1, limit: 1 });
  return event === undefined ? stuckNow(sources) : stuckRule(event.recorded_at, after);
}

/** A model can be read at a moment once it has come as far. */
export function minPositionOf(
  { at_position }: Moment,
  minPosition: number | undefined,
): number | undefined {
  return Math.max(minPosition ?? 0, at_position ?? 0) || undefined;
}
