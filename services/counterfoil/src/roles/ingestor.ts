import type { Backends } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { createReadiness } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import { sampleLog } from "@counterfoil/http/request-log";
import { checkIngestorConfig, startIngestor, webhookAddress } from "@counterfoil/ingestor/ingestor";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { finishDeliveries, recordSocketOrder } from "@counterfoil/processing/ingest/startup";
import { isEngineError } from "@counterfoil/processing/ports/errors";
import { tryToAppend } from "@counterfoil/processing/ports/event-stream";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { createDataFolder, openAsIngestor } from "../service/open-ledger.ts";
import {
  type Closing,
  createRegistry,
  guardOf,
  openRoleServer,
  type RoleOptions,
  type Service,
  startOrClose,
} from "../service/service.ts";
import { READING } from "../threads/reading.ts";

/** Runs an ingestor alone. Any number of them may run on one ledger. */
export function startIngestorRole({ config, logger }: RoleOptions): Promise<Service | null> {
  return startOrClose(async (closing) => {
    checkIngestorConfig(config);
    const earlyServer = await openRoleServer({ config, logger }, closing, webhookAddress(config));
    createDataFolder(config);
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const { clock, ledger, tracing } = backends;
    const ingest = openIngest(backends, logger);
    closing.add(ingest.stop);
    const registry = createRegistry();
    const readiness = createReadiness(ingest.assertTaking, clock);
    const guard = guardOf(config, backends);
    const taking = {
      config,
      ingest,
      clock,
      logger,
      registry,
      readiness,
      earlyServer,
      tracing,
      guard,
    };
    const ingestor = await startIngestor(taking);
    closing.add(ingestor.stop);
    completeDeliveries({ backends, ingest, logger }, closing);
    warnWithoutProvider(config, logger);
    logger.info({ ledger, webhooks: ingestor.address }, "ready");
    return { drain: readiness.drain };
  });
}

type TakingIngest = Ingest &
  Readonly<{
    assertTaking: () => Promise<void>;
    /** Whether the last append failed; some time after that one is tried. */
    areAppendsRefused: () => Promise<boolean>;
  }>;

/** How long after a failed append the stream is tried again. */
const TRY_AGAIN_AFTER = 5n * SECOND;

/**
 * Creates the ingest, with a readiness check. After an append has failed it is not ready until another
 * one succeeds. A load balancer sends nothing to a process that is not ready, so the check itself tries
 * whether the stream can be written.
 */
export function openIngest(
  backends: Pick<Backends, "stream" | "clock" | "hashing" | "tracing">,
  logger: Logger,
): TakingIngest {
  const { stream } = backends;
  const ingest = createIngest({ ...backends, ...READING });
  const appends = watchAppends(backends, logger);
  const { watch } = appends;
  return {
    ...ingest,
    // A repeated delivery is only looked up.
    submit: (delivery) => watch(ingest.submit(delivery), ({ outcome }) => outcome !== "repeated"),
    feedOpened: (opening) => watch(ingest.feedOpened(opening)),
    feedClosed: (closing) => watch(ingest.feedClosed(closing)),
    snapshotCompleted: (completion) => watch(ingest.snapshotCompleted(completion)),
    areAppendsRefused: appends.areRefused,
    /** @throws Problem not_ready, and the stream's errors if it cannot be read */
    async assertTaking() {
      await stream.head();
      if (await appends.areRefused()) {
        throw new Problem("not_ready", "the stream refuses appends: see the log");
      }
    },
  };
}

/** Follows whether the stream takes appends. */
function watchAppends({ stream, clock }: Pick<Backends, "stream" | "clock">, logger: Logger) {
  const refusals = logRefusedAppends({ logger, clock });
  let failedAt: Nanos | null = null;
  let trying: Promise<void> | null = null;

  /** @param hasAppended whether the result shows that something was appended */
  async function watch<T>(
    appending: Promise<T>,
    hasAppended: (done: T) => boolean = () => true,
  ): Promise<T> {
    try {
      const done = await appending;
      if (hasAppended(done)) {
        failedAt = null;
        refusals.end();
      }
      return done;
    } catch (error) {
      if (isEngineError(error)) {
        failedAt = clock.now();
        refusals.note(error);
      }
      throw error;
    }
  }

  return {
    watch,
    async areRefused(): Promise<boolean> {
      if (failedAt !== null && clock.now() - failedAt > TRY_AGAIN_AFTER) {
        // One attempt at a time, however many ask.
        trying ??= watch(tryToAppend(stream)).finally(() => {
          trying = null;
        });
        await trying.catch(() => undefined);
      }
      return failedAt !== null;
    },
  };
}

const REFUSALS_LOGGED_EVERY = 60n * SECOND;

type RefusedAppends = Readonly<{
  note: (error: unknown) => void;
  /** Called when an append succeeds; the next failure is logged at once. */
  end: () => void;
}>;

/**
 * Logs why appends fail: when it begins, when the reason changes, and once a minute while it lasts,
 * however many deliveries are refused.
 */
function logRefusedAppends({
  logger,
  clock,
}: Readonly<{ logger: Logger; clock: Pick<Backends["clock"], "now"> }>): RefusedAppends {
  const log = sampleLog({ logger, clock });
  let last: Readonly<{ reason: string; at: Nanos }> | null = null;
  let refused = 0;
  return {
    note(error) {
      refused += 1;
      const reason = reasonOf(error);
      const now = clock.now();
      if (last?.reason === reason && now - last.at < REFUSALS_LOGGED_EVERY) return;
      last = { reason, at: now };
      const fields = { error: Object(error).name, reason, ...causeOf(error), refused };
      log("append", "error", fields, "the stream refuses appends: nothing is acknowledged");
    },
    end() {
      if (last !== null) log("append", "info", { refused }, "the stream takes appends again");
      last = null;
      refused = 0;
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : "unknown");

/** The engine's own message and code; its other fields may quote a row. */
function causeOf(error: unknown): Readonly<{ cause?: string; code?: unknown }> {
  const { cause } = Object(error) as { cause?: unknown };
  return cause instanceof Error
    ? { cause: cause.message, code: Object(cause).code as unknown }
    : {};
}

type CompleteOptions = Readonly<{
  backends: Pick<Backends, "stream" | "clock" | "hashing">;
  ingest: Ingest;
  logger: Logger;
}>;

const PAUSE_MS = 10_000;

/**
 * Completes deliveries that an ingestor has appended only in part before it died. Runs in the
 * background while webhooks are accepted. Retries while the stream is unavailable.
 */
export function completeDeliveries(options: CompleteOptions, closing: Closing): void {
  const { backends, logger } = options;
  const stopping = new AbortController();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      try {
        return await completeOnce(options, stopping.signal);
      } catch (error) {
        if (!isEngineError(error)) return logger.error({ err: error }, FAILED);
        logger.warn({ err: error, pause_ms: PAUSE_MS }, FAILED);
        await backends.clock.sleep(PAUSE_MS, stopping.signal);
      }
    }
  })();
  closing.add(async () => {
    stopping.abort();
    await done;
  });
}

const FAILED = "incomplete deliveries could not be completed";

async function completeOnce(
  { backends, ingest, logger }: CompleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const { stream } = backends;
  const recorded = await recordSocketOrder({ ...backends, ...READING, signal });
  if (recorded !== null) {
    logger.info({ runs: recorded }, "the order of older feed connections is recorded");
  }
  for await (const incomplete of finishDeliveries({ stream, ingest, signal })) {
    const { deliveryId, outcome, error } = incomplete;
    const logged = { delivery_id: deliveryId };
    if (outcome === "completed") logger.info(logged, "an incomplete delivery is complete now");
    else if (outcome === "gone") {
      logger.warn(logged, "the bytes of an incomplete delivery are gone: skipped");
    } else {
      logger.error(
        { ...logged, err: error },
        "an incomplete delivery cannot be completed: skipped",
      );
    }
  }
}

/** Warns if no provider can send anything: legal, but probably a mistake. */
export function warnWithoutProvider(config: Config, logger: Logger): void {
  const isTaking =
    config.COUNTERFOIL_ALLOW_UNSIGNED ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_FEED_URL !== undefined;
  if (isTaking) return;
  logger.warn(
    "no provider is configured, so nothing is taken in: set COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET, COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY or COUNTERFOIL_ZEROHASH_FEED_URL",
  );
}
