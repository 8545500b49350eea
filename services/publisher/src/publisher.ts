import type { Backends } from "@counterfoil/adapters/connect";
import {
  type Clock,
  SCRAPE_MS_MAX,
  shareAnswer,
  withinMs,
} from "@counterfoil/processing/ports/clock";
import { LedgerMismatch, StreamForked } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  BrokersDisagree,
  PublisherFenced,
  RecordTooLarge,
  TopicMisconfigured,
  type Topics,
} from "@counterfoil/processing/ports/topics";
import type { TransactionLimits } from "@counterfoil/processing/publish/batch";
import {
  type Interruption,
  type PublisherOptions,
  type PublisherState,
  runPublisher,
} from "@counterfoil/processing/publish/publisher";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/serving";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";

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
export type PublishingState =
  | PublisherState
  | "fenced"
  | "refused"
  | "failed"
  | "forked"
  | "stopped";

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

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;

/** Publishes one ledger until the signal aborts, through all failures. */
async function publishLedger(options: PublishLedgerOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, report } = options;
  const setState = (state: PublishingState) => {
    logger.debug({ state }, "publisher state");
    report({ kind: "state", state });
  };
  let pauseMs = PAUSE_MS_MIN;
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
    pauseMs = commits > 0 ? PAUSE_MS_MIN : Math.min(pauseMs * 2, PAUSE_MS_MAX);
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
  logger.warn(fields, "publishing interrupted, trying again");
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
  const needsOperator = [BrokersDisagree, RecordTooLarge, TopicMisconfigured, LedgerMismatch].some(
    (kind) => error instanceof kind,
  );
  return needsOperator
    ? { state: "refused", message: "publisher stopped until this is put right" }
    : { state: "failed", message: "publisher failed" };
}

function waitForAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

type PublisherMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the publisher's metrics. @returns a function that records an event of the publisher */
export function createPublisherMetrics({
  registry,
  stream,
  clock,
}: PublisherMetricsOptions): (event: PublisherEvent) => void {
  const { transactions, messages, facts, state, stopped } = createInstruments(registry);
  let position: number | null = null;
  let currentState: string | null = null;
  registerPosition(registry, { stream, clock, currentPosition: () => position });
  return (event) => {
    if (event.kind === "state") {
      if (currentState !== null) state.remove({ state: currentState });
      currentState = event.state;
      state.set({ state: currentState }, 1);
      if (!STANDBY_STATES.includes(event.state)) return;
      position = null;
      stopped.remove();
      return;
    }
    position = event.position;
    stopped.set(event.stoppedKeys);
    if (event.kind === "open") return;
    transactions.inc();
    messages.inc(event.messages);
    facts.inc(event.facts);
  };
}

/**
 * States in which another process may publish. What this one knew of the topics is out of date then, so
 * its position, lag and stopped keys are not exported until it has opened the topics again.
 */
const STANDBY_STATES: readonly PublishingState[] = ["waiting_for_lock", "fenced"];

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    transactions: new Counter({
      name: "counterfoil_publisher_commits_total",
      help: "Transactions that the publisher has committed to Kafka",
      registers,
    }),
    messages: new Counter({
      name: "counterfoil_publisher_messages_total",
      help: "Messages published, facts and records",
      registers,
    }),
    facts: new Counter({
      name: "counterfoil_publisher_facts_total",
      help: "Facts published",
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_publisher_stopped_keys",
      help: "Keys with a record that the broker rejects; all others are published",
      registers,
    }),
    state: new Gauge({
      name: "counterfoil_publisher_state",
      help: "1 for the state that the publisher is in",
      labelNames: ["state"],
      registers,
    }),
  };
}

type PositionOptions = Pick<PublisherMetricsOptions, "stream" | "clock"> &
  Readonly<{ currentPosition: () => number | null }>;

type Figures = Readonly<{ position: number; lag: Lag }>;

const UNKNOWN: Lag = { events: Number.NaN, seconds: Number.NaN };

/** The figures of one scrape are of one position; the lag depends on the head at that time. */
function registerPosition(
  registry: Registry,
  { stream, clock, currentPosition }: PositionOptions,
): void {
  const readFigures = shareAnswer(async (): Promise<Figures | null> => {
    const position = currentPosition();
    if (position === null) return null;
    const lag = await withinMs(lagBehind(stream, position, clock.now()), SCRAPE_MS_MAX, clock);
    return { position, lag: lag ?? UNKNOWN };
  });
  const register = (name: string, help: string, select: (figures: Figures) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        const figures = await readFigures();
        // The lock may have been lost meanwhile.
        if (figures === null || currentPosition() === null) this.remove();
        else this.set(select(figures));
      },
    });
  register(
    "counterfoil_publisher_position",
    "Last position that is published",
    ({ position }) => position,
  );
  register(
    "counterfoil_publisher_lag_events",
    "Events of the stream that are not published",
    ({ lag }) => lag.events,
  );
  register(
    "counterfoil_publisher_lag_seconds",
    "How long the oldest unpublished event has waited",
    ({ lag }) => lag.seconds,
  );
}
