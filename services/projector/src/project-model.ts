import { liveGeneration } from "@counterfoil/processing/generations";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import { type ProjectorOptions, runProjector } from "@counterfoil/processing/projection/projector";
import type { Logger } from "pino";
import type { ModelState, ProjectorEvent } from "./projector-event.ts";

export type ProjectModelOptions = Omit<ProjectorOptions, "observer"> &
  Readonly<{ logger: Logger; report: (event: ProjectorEvent) => void }>;

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;
/** How often a forked model checks whether it was rebuilt. */
const CHECK_EVERY_MS = 1_000;

/** Projects one model until the signal aborts, whatever happens to it on the way. */
export async function projectModel(
  options: ProjectModelOptions,
  signal: AbortSignal,
): Promise<void> {
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

/** Runs until the signal aborts, the lock is lost, or something is wrong. */
async function attempt(options: ProjectModelOptions, signal: AbortSignal) {
  const { projection, logger, report } = options;
  const { model } = projection;
  let commits = 0;
  const observer: ProjectorOptions["observer"] = {
    onState: (state) => setState(options, state),
    onCommit: (commit) => {
      commits += 1;
      report({ kind: "commit", model, commits: 1, ...commit });
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
