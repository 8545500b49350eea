import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import type { VersionDifferences } from "@counterfoil/processing/generations/compare";
import { upgradeModel } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { type Clock, SCRAPE_MS_MAX, withinMs } from "@counterfoil/processing/ports/clock";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  type ProjectorOptions,
  type ProjectorState,
  runProjector,
} from "@counterfoil/processing/projection/projector";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/serving";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";

type ProjectorDeps = Readonly<{
  backends: Pick<Backends, "stream" | "catalogue" | "locks" | "clock" | "hashing">;
  models: readonly ModelName[];
  logger: Logger;
  /** Builds and activates a generation of this program's model version. */
  upgrade: ProjectorOptions["upgrade"];
  /** Logs what a provider can bring about as often as it likes; without it, all of it. */
  warn?: (
    kind: string,
    level: "warn",
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ) => void;
  /** Called with every change of state and every commit. */
  report?: (event: ProjectorEvent) => void;
}>;

type Projector = Readonly<{
  /** Commits what is being folded, releases the locks, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Keeps read models up to date, each with a checkpoint and a lock of its own. A model that fails or
 * has followed another stream does not stop the others.
 */
export function startProjector(deps: ProjectorDeps): Projector {
  const { backends, models, logger, upgrade, report = () => {} } = deps;
  const { warn = (_kind, level, fields, message) => logger[level](fields, message) } = deps;
  const stopping = new AbortController();
  const running = models.map((model) =>
    projectModel(
      {
        ...backends,
        projection: PROJECTIONS[model],
        upgrade,
        logger: logger.child({ model }),
        report,
        warn,
      },
      stopping.signal,
    ),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/**
 * `forked`: the model followed another stream and waits for a rebuild; `failed`: a fault of the
 * program, tried again after a pause; `stopped`: this process does not project it any more.
 */
export type ModelState = ProjectorState | "forked" | "failed" | "stopped";

/** What a projector reports to its caller; plain data, since it may come from another thread. */
export type ProjectorEvent =
  | Readonly<{ kind: "state"; model: ModelName; state: ModelState }>
  | Readonly<{
      kind: "commit";
      model: ModelName;
      /** Since the report before. */
      commits: number;
      events: number;
      position: number;
      /** Subjects that wait for a fix. */
      stopped: number;
    }>;

type ProjectModelOptions = Omit<ProjectorOptions, "observer"> &
  Readonly<{
    logger: Logger;
    report: (event: ProjectorEvent) => void;
    warn: NonNullable<ProjectorDeps["warn"]>;
  }>;

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;
/** How often a forked model checks whether it was rebuilt. */
const CHECK_EVERY_MS = 1_000;

/** Projects one model until the signal aborts, whatever happens to it on the way. */
async function projectModel(options: ProjectModelOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = PAUSE_MS_MIN;
  while (!signal.aborted) {
    const { error, commits } = await attempt(options, signal);
    if (error === null) continue;
    if (error instanceof StreamForked) {
      await waitWhileForked(options, error, signal);
      continue;
    }
    // A commit shows that it works again, so the pause starts over.
    pauseMs = commits > 0 ? PAUSE_MS_MIN : Math.min(pauseMs * 2, PAUSE_MS_MAX);
    setState(options, "failed");
    options.logger.error({ err: error, pause_ms: pauseMs }, "projection failed");
    await options.clock.sleep(pauseMs, signal);
  }
  setState(options, "stopped");
}

const OPENED = "an anomaly was opened: see `counterfoil anomalies list`, and the runbook";

/** Runs until the signal aborts, the lock is lost, or something is wrong. */
async function attempt(options: ProjectModelOptions, signal: AbortSignal) {
  const { projection, logger, report, warn } = options;
  const { model } = projection;
  let commits = 0;
  const observer: ProjectorOptions["observer"] = {
    onState: (state) => setState(options, state),
    onCommit: (commit) => {
      commits += 1;
      report({ kind: "commit", model, commits: 1, ...commit });
    },
    onStopped: (stop) =>
      logger.error(stop, "a subject has stopped: its facts wait, and are tried again at a start"),
    onOpened: (opened) => {
      for (const anomaly of opened) warn(anomaly.kind, "warn", { model, ...anomaly }, OPENED);
    },
    onRetry: (error) => logger.warn({ err: error }, "projection interrupted, trying again"),
  };
  try {
    await runProjector({ ...options, observer }, signal);
    return { error: null, commits };
  } catch (error) {
    return { error, commits };
  }
}

function setState({ projection, logger, report }: ProjectModelOptions, state: ModelState): void {
  logger.debug({ state }, "projection state");
  report({ kind: "state", model: projection.model, state });
}

/** Only an explicit rebuild resolves a fork; it ends in an activation. */
async function waitWhileForked(
  options: ProjectModelOptions,
  error: StreamForked,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  setState(options, "forked");
  logger.error({ err: error, code: "stream_forked" }, "projection stopped until it is rebuilt");
  const forkedAt = await lastActivation(options);
  while (!signal.aborted && (await lastActivation(options)) === forkedAt) {
    await clock.sleep(CHECK_EVERY_MS, signal);
  }
}

/** @returns its position; null while the stream cannot be read */
async function lastActivation(options: ProjectModelOptions): Promise<number | null> {
  const { stream, projection, logger } = options;
  try {
    return (await liveGeneration(stream, projection.model)).position;
  } catch (error) {
    logger.debug({ err: error }, "cannot look for an activation");
    return null;
  }
}

type UpgradeDeps = Readonly<{
  /** A projector itself only reads the stream; an activation has to be appended to it. */
  openForWriting: () => Promise<Backends>;
  build: string;
  logger: Logger;
}>;

/** Which rows differ, never what is in them: a log is no place for balances. */
function logDifferences(
  { position, counts, samples }: VersionDifferences,
  model: ModelName,
  logger: Logger,
): void {
  const shown = samples.map(({ table, key, live, rebuilt, columns }) => ({
    row: `${table} ${key.join("/")}`,
    in: live === null ? "new" : rebuilt === null ? "old" : "both",
    columns,
  }));
  logger.info({ model, position, differing_rows: counts, samples: shown }, DIFFERS);
}

const DIFFERS = "rows that the new model version has otherwise than the old one";

/** Builds the generation of this program's model version beside the one that is served. */
export function createUpgrade({
  openForWriting,
  build,
  logger,
}: UpgradeDeps): ProjectorOptions["upgrade"] {
  return async (projection, signal) => {
    const { model, version } = projection;
    const backends = await openForWriting();
    try {
      logger.info({ model, model_version: version }, "model version is new: building it");
      const result = await upgradeModel({ backends, projection, build, signal });
      if (result === null) return;
      const { outcome, generation, durationMs, versions } = result;
      logger.info({ model, outcome, generation, duration_ms: durationMs }, "model version built");
      if (versions !== null) logDifferences(versions, model, logger);
    } finally {
      await backends.close();
    }
  };
}

type ProjectorMetricsOptions = Readonly<{
  registry: Registry;
  /** Given where no gateway in this process reports how far behind a model is. */
  stream?: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the projections' metrics. @returns a function that counts a projector's events */
export function createProjectorMetrics({
  registry,
  stream,
  clock,
}: ProjectorMetricsOptions): (event: ProjectorEvent) => void {
  const positions = new Map<string, number>();
  const states = new Map<string, string>();
  const { commits, events, stopped, state } = createInstruments(registry);
  registerPositions(registry, positions);
  if (stream !== undefined) registerLag(registry, { stream, positions, clock });
  return (event) => {
    const { model } = event;
    if (event.kind === "state") {
      const before = states.get(model);
      if (before !== undefined) state.remove({ model, state: before });
      states.set(model, event.state);
      state.set({ model, state: event.state }, 1);
      return;
    }
    positions.set(model, event.position);
    commits.inc({ model }, event.commits);
    events.inc({ model }, event.events);
    stopped.set({ model }, event.stopped);
  };
}

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    commits: new Counter({
      name: "counterfoil_projection_commits_total",
      help: "Commits of a projection",
      labelNames: ["model"],
      registers,
    }),
    events: new Counter({
      name: "counterfoil_projection_events_total",
      help: "Events that a projection went past",
      labelNames: ["model"],
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_projection_stopped_subjects",
      help: "Subjects whose facts could not be folded and wait for a fix",
      labelNames: ["model"],
      registers,
    }),
    state: new Gauge({
      name: "counterfoil_projection_state",
      help: "1 for the state that the projection is in",
      labelNames: ["model", "state"],
      registers,
    }),
  };
}

function registerPositions(registry: Registry, positions: ReadonlyMap<string, number>): void {
  new Gauge({
    name: "counterfoil_projection_position",
    help: "Last position that the projection has committed",
    labelNames: ["model"],
    registers: [registry],
    collect() {
      for (const [model, position] of positions) this.set({ model }, position);
    },
  });
}

type Followed = Readonly<{
  stream: Pick<EventStream, "head" | "read">;
  positions: ReadonlyMap<string, number>;
  clock: Clock;
}>;

/** Computed at each scrape, since it depends on the head at that time. */
function registerLag(registry: Registry, { stream, positions, clock }: Followed): void {
  const register = (name: string, help: string, figureOf: (lag: Lag) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ["model"], registers: [registry] },
      async collect() {
        for (const [model, at] of positions) {
          const lag = await withinMs(lagBehind(stream, at, clock.now()), SCRAPE_MS_MAX, clock);
          this.set({ model }, lag === null ? Number.NaN : figureOf(lag));
        }
      },
    });
  register(
    "counterfoil_projection_lag_events",
    "Events of the stream that the projection has not folded",
    ({ events }) => events,
  );
  register(
    "counterfoil_model_lag_seconds",
    "How long the oldest event has waited that the projection has not folded",
    ({ seconds }) => seconds,
  );
}
