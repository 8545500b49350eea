import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import type { VersionDifferences } from "@counterfoil/processing/generations/compare";
import { upgradeModel } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import {
  type ProjectorOptions,
  type ProjectorState,
  runProjector,
} from "@counterfoil/processing/projection/projector";
import type { Logger } from "pino";

type ProjectorDeps = Readonly<{
  backends: Pick<Backends, "stream" | "catalogue" | "locks" | "clock" | "hashing">;
  models: readonly ModelName[];
  logger: Logger;
  /** Builds and activates a generation of this program's model version. */
  upgrade: ProjectorOptions["upgrade"];
  /** Logs, sampled, what a provider can cause at any rate; by default everything is logged. */
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
  /** Commits the current batch, releases the locks, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Keeps read models up to date, each with its own checkpoint and lock. A model that fails or is forked
 * does not stop the others.
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
 * `forked`: the model was built from another stream and waits for a rebuild; `failed`: a bug, retried
 * after a pause; `stopped`: this process no longer projects it.
 */
export type ModelState = ProjectorState | "forked" | "failed" | "stopped";

/** An event that a projector reports; plain data, since it may come from another thread. */
export type ProjectorEvent =
  | Readonly<{ kind: "state"; model: ModelName; state: ModelState }>
  | Readonly<{ kind: "open"; model: ModelName; position: number; stopped: number }>
  | Readonly<{
      kind: "commit";
      model: ModelName;
      /** Since the previous report, as are `events`. */
      commits: number;
      events: number;
      position: number;
      /** Subjects whose facts cannot be projected until a fix. */
      stopped: number;
    }>;

type ProjectModelOptions = Omit<ProjectorOptions, "observer"> &
  Readonly<{
    logger: Logger;
    report: (event: ProjectorEvent) => void;
    warn: NonNullable<ProjectorDeps["warn"]>;
  }>;

const RETRY = { delayMsMin: 1_000, delayMsMax: 60_000 } as const;
/** How often it is checked whether a forked model was rebuilt. */
const CHECK_EVERY_MS = 1_000;

/** Projects one model until the signal aborts, through all failures. */
async function projectModel(options: ProjectModelOptions, signal: AbortSignal): Promise<void> {
  const backoff = createBackoff(RETRY);
  const interruptions = logInterruptions(options.logger);
  while (!signal.aborted) {
    const { error, commits } = await runUntilError(options, interruptions, signal);
    if (error === null) continue;
    if (error instanceof StreamForked) {
      await waitForRebuild(options, error, signal);
      continue;
    }
    // A commit shows that the projection worked, so the backoff starts over.
    if (commits > 0) backoff.reset();
    const pauseMs = backoff.next();
    setState(options, "failed");
    options.logger.error({ err: error, pause_ms: pauseMs }, "projection failed");
    await options.clock.sleep(pauseMs, signal);
  }
  setState(options, "stopped");
}

const ANOMALY_OPENED = "an anomaly was opened: see `counterfoil anomalies list`, and the runbook";

const BUILT_WITH_ANOMALIES =
  "built from the beginning of the stream, with open anomalies: see `counterfoil anomalies list`";

/** Projects until the signal aborts, the lock is lost, or an error is thrown. */
async function runUntilError(
  options: ProjectModelOptions,
  interruptions: Interruptions,
  signal: AbortSignal,
) {
  const { projection, logger, report, warn } = options;
  const { model } = projection;
  let commits = 0;
  const observer: ProjectorOptions["observer"] = {
    onState: (state) => {
      if (state === "live") interruptions.end();
      setState(options, state);
    },
    onOpen: (opened) => report({ kind: "open", model, ...opened }),
    onCommit: (commit) => {
      commits += 1;
      report({ kind: "commit", model, commits: 1, ...commit });
    },
    onStopped: (stop) =>
      logger.error(stop, "a subject has stopped: its facts wait, and are tried again at a start"),
    onOpened: (opened) => {
      for (const anomaly of opened)
        warn(anomaly.kind, "warn", { model, ...anomaly }, ANOMALY_OPENED);
    },
    onBuilt: (built) => logger.warn(built, BUILT_WITH_ANOMALIES),
    onRetry: interruptions.note,
  };
  try {
    await runProjector({ ...options, observer }, signal);
    return { error: null, commits };
  } catch (error) {
    return { error, commits };
  }
}

const LOGGED_EVERY_MS = 60_000;

type Interruptions = Readonly<{
  note: NonNullable<NonNullable<ProjectorOptions["observer"]>["onRetry"]>;
  /** Called when projecting works again; the next failure is logged at once. */
  end: () => void;
}>;

/** A failure is logged when it begins, and once a minute while it lasts, however often it is tried. */
function logInterruptions(logger: Logger): Interruptions {
  let last: string | null = null;
  let silentMs = 0;
  return {
    note: ({ error, pauseMs }) => {
      const text = String(error);
      const isLogged = text !== last || silentMs >= LOGGED_EVERY_MS;
      const level = isLogged ? "warn" : "debug";
      logger[level]({ err: error, pause_ms: pauseMs }, "projection interrupted, trying again");
      last = text;
      silentMs = isLogged ? pauseMs : silentMs + pauseMs;
    },
    end: () => {
      last = null;
    },
  };
}

function setState({ projection, logger, report }: ProjectModelOptions, state: ModelState): void {
  logger.debug({ state }, "projection state");
  report({ kind: "state", model: projection.model, state });
}

/** Waits for the activation of a new generation: only an explicit rebuild resolves a fork. */
async function waitForRebuild(
  options: ProjectModelOptions,
  error: StreamForked,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  setState(options, "forked");
  logger.error({ err: error, code: "stream_forked" }, "projection stopped until it is rebuilt");
  const forkedAt = await lastActivationPosition(options);
  while (!signal.aborted && (await lastActivationPosition(options)) === forkedAt) {
    await clock.sleep(CHECK_EVERY_MS, signal);
  }
}

/** @returns null while the stream cannot be read */
async function lastActivationPosition(options: ProjectModelOptions): Promise<number | null> {
  const { stream, projection, logger } = options;
  try {
    return (await liveGeneration(stream, projection.model)).position;
  } catch (error) {
    logger.debug({ err: error }, "cannot read the last activation");
    return null;
  }
}

type UpgradeDeps = Readonly<{
  /** A projector only reads the stream, but an activation is appended to it. */
  openForWriting: () => Promise<Backends>;
  build: string;
  logger: Logger;
}>;

/** Logs which rows differ, never their values: balances do not belong in a log. */
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
  logger.info({ model, position, differing_rows: counts, samples: shown }, ROWS_DIFFER);
}

const ROWS_DIFFER = "rows that differ between the new model version and the old one";

/** Creates the function that builds a generation of this program's model version beside the live one. */
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
