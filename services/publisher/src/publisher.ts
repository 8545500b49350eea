import type { Backends } from "@counterfoil/adapters/connect";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import { NotAuthorized, PublisherFenced, type Topics } from "@counterfoil/processing/ports/topics";
import type { TransactionLimits } from "@counterfoil/processing/publish/batch";
import {
  type Interruption,
  isRefusal,
  type PublisherOptions,
  type PublisherState,
  runPublisher,
} from "@counterfoil/processing/publish/publisher";
import type { Logger } from "pino";

type PublisherDeps = Readonly<{
  backends: Pick<Backends, "ledger" | "stream" | "catalogue" | "locks" | "clock" | "hashing">;
  topics: Topics;
  logger: Logger;
  limits?: TransactionLimits;
  /** Called with every change of state and every commit. */
  report?: (event: PublisherEvent) => void;
}>;

type Publisher = Readonly<{
  /** Ends the open transaction, releases the lock, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Publishes a ledger to its topics. A second publisher waits for the lock. A broker failure stops
 * the publisher and nothing else.
 */
export function startPublisher(deps: PublisherDeps): Publisher {
  const { backends, report = () => {}, ...options } = deps;
  const stopping = new AbortController();
  const running = publishLedger({ ...backends, ...options, report }, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/**
 * `fenced`: another publisher of the ledger took over; `refused`: an operator has to correct what the
 * log names; `failed`: a bug. These are retried after a pause.
 * `forked`: the topics hold another stream, which is not retried; `stopped`: this process no longer
 * publishes.
 */
export type PublishingState = PublisherState | "fenced" | "failed" | "forked" | "stopped";

/** An event that a publisher reports; plain data, since it may come from another thread. */
export type PublisherEvent =
  | Readonly<{ kind: "state"; state: PublishingState }>
  | Readonly<{ kind: "open"; position: number; stoppedKeys: number }>
  | Readonly<{
      kind: "commit";
      position: number;
      messages: number;
      facts: number;
      /** Keys with a record that the broker rejects. */
      stoppedKeys: number;
    }>;

type PublishLedgerOptions = Omit<PublisherOptions, "observer"> &
  Readonly<{ logger: Logger; report: (event: PublisherEvent) => void }>;

const RETRY = { delayMsMin: 1_000, delayMsMax: 60_000 } as const;

/** Publishes one ledger until the signal aborts, through all failures. */
async function publishLedger(options: PublishLedgerOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, report } = options;
  const setState = (state: PublishingState) => {
    logger.debug({ state }, "publisher state");
    report({ kind: "state", state });
  };
  const backoff = createBackoff(RETRY);
  while (!signal.aborted) {
    const { error, commits } = await runUntilError(options, setState, signal);
    if (error === null) continue;
    const { state, message } = classifyError(error);
    setState(state);
    if (state === "forked") {
      logger.error({ err: error, code: "stream_forked" }, message);
      // This process cannot resolve a fork.
      await waitForAbort(signal);
      continue;
    }
    // A commit shows that publishing worked, so the backoff starts over.
    if (commits > 0) backoff.reset();
    const pauseMs = backoff.next();
    logger.error({ err: error, pause_ms: pauseMs }, message);
    await clock.sleep(pauseMs, signal);
  }
  setState("stopped");
}

/** Publishes until the signal aborts, the lock is lost, or an error is thrown. */
async function runUntilError(
  options: PublishLedgerOptions,
  setState: (state: PublishingState) => void,
  signal: AbortSignal,
) {
  const { logger, report } = options;
  let commits = 0;
  const observer: PublisherOptions["observer"] = {
    onState: setState,
    onOpen: (position, stoppedKeys) => {
      logger.info({ position, stopped_keys: stoppedKeys }, "publishing");
      report({ kind: "open", position, stoppedKeys });
    },
    onCommit: (published, stoppedKeys) => {
      commits += 1;
      report({ kind: "commit", ...published, stoppedKeys });
    },
    onStopped: (stop) =>
      logger.error(stop, "a key has stopped: its records wait, and are tried again at a start"),
    onRetry: (interruption) => logInterruption(logger, interruption),
  };
  try {
    await runPublisher({ ...options, observer }, signal);
    return { error: null, commits };
  } catch (error) {
    return { error, commits };
  }
}

/** Writes one entry for each attempt: the reason, and how many events wait. */
function logInterruption(logger: Logger, interruption: Interruption): void {
  const { error, pauseMs, position, head } = interruption;
  const reason = error instanceof Error ? error.message : String(error);
  const lag = position === null || head === null ? null : Math.max(0, head - position);
  const fields = { reason, position, lag_events: lag, pause_ms: pauseMs };
  if (error instanceof NotAuthorized) {
    logger.error(fields, "publishing is refused until this is put right, trying again");
  } else {
    logger.warn(fields, "publishing interrupted, trying again");
  }
  logger.debug({ err: error }, "error that interrupted publishing");
}

type Failure = Readonly<{ state: PublishingState; message: string }>;

function classifyError(error: unknown): Failure {
  if (error instanceof StreamForked) {
    return { state: "forked", message: "publisher stopped: the topics hold another stream" };
  }
  if (error instanceof PublisherFenced) {
    return { state: "fenced", message: "publisher stopped: another one has taken over" };
  }
  return isRefusal(error)
    ? { state: "refused", message: "publisher stopped until this is put right" }
    : { state: "failed", message: "publisher failed" };
}

function waitForAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
