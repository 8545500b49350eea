import type { Config } from "@counterfoil/contracts/config";
import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type {
  AnomalyCount,
  AttentionCount,
  FeedStatus,
  LastDelivery,
  ProjectionStatus,
  PublisherStatus,
  StatusRecord,
  StuckCount,
} from "@counterfoil/contracts/operations-record";
import { isLifecycle } from "@counterfoil/contracts/record";
import { formatTime, type Nanos } from "@counterfoil/core/exact/time";
import { EMPTY_DIGEST } from "@counterfoil/core/hashing";
import { readFirstRow, shownTables } from "../generations/compare.ts";
import { ATTENTION_COUNTS } from "../models/columns.ts";
import { LAST_DELIVERIES, QUARANTINED_KIND, readLastFeed } from "../models/deliveries.ts";
import { PROJECTIONS } from "../models/registry.ts";
import type { Clock } from "../ports/clock.ts";
import {
  HeadKeyUnusable,
  isEngineError,
  isUnreadable,
  ModelCorrupted,
  ModelUnavailable,
} from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Row, Rows } from "../ports/model-store.ts";
import { projectorLock, type RoleLocks } from "../ports/role-locks.ts";
import type { PublishedTo } from "../publish/subject-counts.ts";
import { isOnStream } from "../stream-guard.ts";
import { countStuck, type StuckRule, stuckRule } from "./anomaly-record.ts";
import { positionIn, textIn } from "./answers.ts";
import { NO_DIGEST } from "./events.ts";
import { lagBehind } from "./lag.ts";
import { needsOf } from "./needs.ts";
import type { Platform } from "./platform.ts";
import { ModelNotServed, type ServedModels } from "./serving.ts";

export const MODELS: readonly ModelName[] = modelName.options;

type Installation = Pick<StatusRecord, "ledger" | "environment" | "engine">;

/** The parts of the configuration that the status depends on. */
type Expected = Readonly<{
  stuckAfterSeconds: number;
  isPublishing: boolean;
  followsFeed: boolean;
}>;

/** What the configuration lets the status expect. */
export const expectedOf = (config: Config): Expected => ({
  stuckAfterSeconds: config.COUNTERFOIL_STUCK_AFTER,
  isPublishing: config.COUNTERFOIL_KAFKA_BROKERS.length > 0,
  followsFeed: config.COUNTERFOIL_ZEROHASH_FEED_URL !== undefined,
});

export type StatusSources = Readonly<{
  stream: EventStream;
  models: ServedModels;
  clock: Pick<Clock, "now">;
  expected: Expected;
  /** Reads how far the ledger is published; the publisher's status is null without it. */
  published?: (() => Promise<PublishedTo | null>) | undefined;
  /** Reads the key that signs heads, if there is one already. @throws HeadKeyUnusable */
  headKey?: (() => string | null) | undefined;
  /** Finds out whether the stream refuses appends; without it the status takes it that it does not. */
  areAppendsRefused?: (() => Promise<boolean>) | undefined;
  /** Called with the engine's error for each model that cannot be read; the status has only the kind. */
  onUnreadable?: ((model: ModelName, error: unknown) => void) | undefined;
  /** Without locks, a model that lags counts as catching up. */
  locks?: Pick<RoleLocks, "tryAcquire"> | undefined;
}>;

/** Reads the state of the ledger, and what needs a person. */
export async function readStatus(
  sources: StatusSources,
  installation: Installation,
): Promise<StatusRecord> {
  const { stream, clock, expected } = sources;
  const rule = stuckRule(clock.now(), expected.stuckAfterSeconds);
  // All at once: if they cannot be read, their timeouts do not add up.
  const [areAppendsRefused = false, examined] = await Promise.all([
    sources.areAppendsRefused?.(),
    Promise.all(
      MODELS.map(async (model) => examine(sources, await projectionStatus(sources, model), rule)),
    ),
  ]);
  const attentions = examined.flatMap(({ attention }) => attention ?? []);
  const published = (await sources.published?.().catch(ignoreUnreadable)) ?? null;
  const publisher = published && (await publisherStatus(sources, published));
  const { position, hash } = await stream.head();
  const projections: ProjectionStatus[] = [];
  const held = new Set<ModelName>();
  const outdated = new Set<ModelName>();
  for (const { projection: each, unread } of examined) {
    if (unread === "outdated") outdated.add(each.name);
    const { projection, isHeld } = await lagOf(sources, each);
    projections.push(projection);
    if (isHeld) held.add(projection.name);
  }
  const ledger = attentions.find((one) => one.ledger !== null)?.ledger ?? null;
  const status: Omit<StatusRecord, "needs_a_person"> = {
    ...installation,
    scope: "ledger",
    head: String(position),
    head_hash: hash,
    projections,
    publisher,
    feed: ledger?.feed ?? null,
    last_deliveries: [...(ledger?.lastDeliveries ?? [])],
    anomalies: attentions.flatMap(({ anomalies }) => anomalies),
    quarantined: ledger?.quarantined ?? null,
    stuck: attentions.flatMap(({ stuck }) => stuck),
  };
  const isHeadKeyUsable = isUsable(sources);
  const isRefused = published?.isRefused ?? false;
  const circumstances = {
    ...expected,
    isRefused,
    now: clock.now(),
    isHeadKeyUsable,
    areAppendsRefused,
    held,
    outdated,
  };
  return { ...status, needs_a_person: needsOf(status, circumstances) };
}

function isUsable({ headKey }: StatusSources): boolean {
  try {
    headKey?.();
    return true;
  } catch (error) {
    if (error instanceof HeadKeyUnusable) return false;
    throw error;
  }
}

/** Null for what cannot be read now. */
function ignoreUnreadable(error: unknown): null {
  if (isEngineError(error) || error instanceof ModelNotServed) return null;
  throw error;
}

/**
 * Why a model cannot be read. `outdated`: its rows are of another version, and this program's are not
 * built yet; `damaged`: it needs a rebuild; `refused`: by the engine.
 */
type Unread = "outdated" | "damaged" | "refused";

/** A model's status, and why it cannot be read; null if it can. */
type Found = Readonly<{ projection: ProjectionStatus; unread: Unread | null }>;
type Examined = Found & Readonly<{ attention: ModelAttention | null }>;

/** Reads what needs attention in a model; if that fails, its status says why. */
async function examine(sources: StatusSources, found: Found, rule: StuckRule): Promise<Examined> {
  const { projection, unread: known } = found;
  const { name, model_version } = projection;
  if (known !== null) return { ...found, attention: null };
  const isOutdated = model_version !== PROJECTIONS[name].version;
  try {
    if (isOutdated) await readEveryTable(sources.models, name);
    return { ...found, attention: await readAttention(sources.models, name, rule) };
  } catch (error) {
    // Not built yet, as its status says.
    if (error instanceof ModelNotServed) return { ...found, attention: null };
    const unread = unreadBecause(error, isOutdated);
    sources.onUnreadable?.(name, error);
    const reason = reasonFor(unread, projection);
    const unreadable = { ...projection, state: "unreadable", reason } as const;
    return { projection: unreadable, unread, attention: null };
  }
}

/** Finds out whether readers can use rows that another version laid out. */
function readEveryTable(models: StatusSources["models"], model: ModelName): Promise<void> {
  return models.snapshot(model, async (rows) => {
    for (const table of shownTables(PROJECTIONS[model].tables)) await readFirstRow(rows, table);
  });
}

/** @throws the error if it is not an engine's */
function unreadBecause(error: unknown, isOutdated: boolean): Unread {
  if (!isEngineError(error)) throw error;
  if (isOutdated) return "outdated";
  return isUnreadable(error) ? "damaged" : "refused";
}

function reasonFor(
  unread: Unread,
  { name, model_version }: Pick<ProjectionStatus, "name" | "model_version">,
): string {
  const { version } = PROJECTIONS[name];
  const reasons: Readonly<Record<Unread, string>> = {
    outdated: `its rows are of model version ${model_version}, and this program reads version ${version}`,
    damaged: "its rows are damaged",
    refused: "the engine does not let it be read",
  };
  return reasons[unread];
}

/** `isHeld`: the lock was checked (the model lags or cannot be read), and a projector holds it. */
async function lagOf(
  { stream, clock, locks }: StatusSources,
  read: ProjectionStatus,
): Promise<Readonly<{ projection: ProjectionStatus; isHeld: boolean }>> {
  const { events, seconds } = await lagBehind(stream, Number(read.position), clock.now());
  const isBehind = read.state === "live" && events > 0;
  const isLockRelevant = isBehind || ["waiting", "unreadable"].includes(read.state);
  const isHeld = isLockRelevant ? await isProjecting(read.name, locks) : null;
  const behind = isHeld === false ? "stopped" : "catching_up";
  const state = isBehind ? behind : read.state;
  return {
    projection: { ...read, lag: events, lag_seconds: seconds, state },
    isHeld: isHeld === true,
  };
}

async function publisherStatus(
  { stream, clock }: StatusSources,
  { position, stoppedKeys }: PublishedTo,
): Promise<PublisherStatus> {
  const { events, seconds } = await lagBehind(stream, position, clock.now());
  return {
    position: String(position),
    lag: events,
    lag_seconds: seconds,
    stopped_keys: stoppedKeys,
  };
}

/**
 * The status for a platform, without digests and counts that depend on other platforms. Its `scope`
 * tells a reader that what is empty here was withheld, and does not mean that all is well.
 */
export function statusFor(status: StatusRecord, platform: Platform): StatusRecord {
  if (platform === null) return status;
  const { ledger, environment, engine, head, projections } = status;
  return {
    ...{ ledger, environment, engine, scope: "platform", head, head_hash: NO_DIGEST },
    // Listed one by one, so that a new field is not shown to platforms by default.
    projections: projections.map((each) => ({
      name: each.name,
      position: each.position,
      lag: each.lag,
      lag_seconds: each.lag_seconds,
      generation: each.generation,
      model_version: each.model_version,
      digest: NO_DIGEST,
      state_digest: NO_DIGEST,
      state: each.state,
      stopped_keys: 0,
      reason: each.reason,
    })),
    ...{ publisher: null, feed: null, last_deliveries: [], anomalies: [], quarantined: null },
    ...{ stuck: [], needs_a_person: [] },
  };
}

/**
 * Whether a projector holds the model's lock; null if that cannot be checked. If events are waiting
 * and no projector holds it, the model is `stopped`: none was started, or it died. A subject whose
 * facts cannot be projected stops only itself and counts in `stopped_keys`.
 */
async function isProjecting(
  model: ModelName,
  locks: StatusSources["locks"],
): Promise<boolean | null> {
  if (locks === undefined) return null;
  try {
    const lock = await locks.tryAcquire(projectorLock(model));
    await lock?.release();
    return lock === null;
  } catch {
    return null;
  }
}

/**
 * `waiting`: no generation is built yet; `unreadable`: `reason` says why; `forked`: it was built from
 * another stream.
 */
async function projectionStatus(
  { stream, models, onUnreadable }: StatusSources,
  name: ModelName,
): Promise<Found> {
  try {
    const served = await models.info(name);
    if (served === null) {
      return { projection: { name, ...NOTHING_SERVED, state: "waiting" }, unread: null };
    }
    const { checkpoint, generation, modelVersion, stoppedKeys } = served;
    const projection: ProjectionStatus = {
      name,
      position: String(checkpoint.position),
      lag: 0,
      lag_seconds: 0,
      generation,
      model_version: modelVersion,
      digest: checkpoint.digest,
      state_digest: checkpoint.state_digest,
      state: (await isOnStream(stream, checkpoint)) ? "live" : "forked",
      stopped_keys: stoppedKeys,
      reason: null,
    };
    return { projection, unread: null };
  } catch (error) {
    if (!(error instanceof ModelCorrupted || error instanceof ModelUnavailable)) throw error;
    onUnreadable?.(name, error);
    const unread = unreadBecause(error, false);
    const reason = reasonFor(unread, { name, ...NOTHING_SERVED });
    return { projection: { name, ...NOTHING_SERVED, state: "unreadable", reason }, unread };
  }
}

/** The contract has a figure for each; at position 0 they mean nothing. */
const NOTHING_SERVED = {
  position: "0",
  lag: 0,
  lag_seconds: 0,
  generation: 1,
  model_version: 1,
  digest: EMPTY_DIGEST,
  state_digest: EMPTY_DIGEST,
  stopped_keys: 0,
  reason: null,
} as const;

/** Whether nothing is known of a model: it cannot be read at all. */
export const isUnknown = ({ state, position }: ProjectionStatus): boolean =>
  state === "unreadable" && position === "0";

/** The figures of one model for operators, read from stored counts or counted by indexes. */
export type ModelAttention = Readonly<{
  anomalies: readonly AnomalyCount[];
  stuck: readonly StuckCount[];
  /** Known to the balances model only; null for others. */
  ledger: LedgerAttention | null;
}>;

type LedgerAttention = Readonly<{
  quarantined: AttentionCount;
  lastDeliveries: readonly LastDelivery[];
  feed: FeedStatus | null;
}>;

/** @throws if the model cannot be read */
export function readAttention(
  models: Pick<ServedModels, "snapshot">,
  model: ModelName,
  rule: StuckRule,
): Promise<ModelAttention> {
  return models.snapshot(model, async (rows) => {
    const counted = await rows.select(ATTENTION_COUNTS, { orderBy: ["kind"], limit: KINDS_MAX });
    const anomalies = counted
      .filter(({ kind, open }) => kind !== QUARANTINED_KIND && Number(open) > 0)
      .map((row) => ({ model, kind: row.kind as AnomalyCount["kind"], ...countIn(row) }));
    const stuck = isLifecycle(model) ? await countStuck(rows, model, rule) : [];
    // What arrived is known to one model.
    if (model !== "balances") return { anomalies, stuck, ledger: null };
    const quarantined = countIn(counted.find(({ kind }) => kind === QUARANTINED_KIND));
    return { anomalies, stuck, ledger: { quarantined, ...(await readArrivals(rows)) } };
  });
}

const KINDS_MAX = 1000;

const countIn = (row: Row | undefined): AttentionCount => ({
  open: Number(row?.open ?? 0),
  unacknowledged: Number(row?.unacknowledged ?? 0),
});

async function readArrivals(rows: Rows): Promise<Omit<LedgerAttention, "quarantined">> {
  const last = await rows.select(LAST_DELIVERIES, {
    orderBy: ["provider", "channel"],
    limit: KINDS_MAX,
  });
  const feed = await readLastFeed(rows);
  return {
    lastDeliveries: last.map(({ provider, channel, recorded_at, position }) => ({
      provider: provider as LastDelivery["provider"],
      channel: channel as LastDelivery["channel"],
      recorded_at: formatTime(recorded_at as Nanos),
      position: positionIn(position),
    })),
    feed: feed && feedIn(feed),
  };
}

const feedIn = ({ state, since, connection, reason }: Row): FeedStatus => ({
  state: state as FeedStatus["state"],
  since: formatTime(since as Nanos),
  connection: String(connection),
  reason: textIn(reason),
});
