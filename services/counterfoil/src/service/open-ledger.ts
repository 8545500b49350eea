import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Access, type Backends, connect, ledgerFolder } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import { StartupError } from "@counterfoil/contracts/http";
import { formatTime } from "@counterfoil/core/exact/time";
import { openFilesMax } from "@counterfoil/http/early-server";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import {
  type LedgerNames,
  openLedger,
  waitForLedger,
} from "@counterfoil/processing/ingest/startup";
import { AHEAD_MAX } from "@counterfoil/processing/models/deliveries";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { isEngineError, StreamForked, StreamMissing } from "@counterfoil/processing/ports/errors";
import { checkEnds, checkNotForked } from "@counterfoil/processing/stream-guard";
import type { Logger } from "pino";

/**
 * Opens the ledger for an ingestor; the first one creates it.
 *
 * @throws what `checkBeforeStart` and `openLedger` throw; nothing stays open
 */
export async function openAsIngestor(config: Config, logger: Logger): Promise<Backends> {
  const backends = await connect(config, "ingest", logger);
  return checkOrClose(backends, async () => {
    await checkBeforeStart(backends);
    await openLedger(backends.stream, namesOf(backends), backends.hashing);
    await warnOfClock(backends, logger);
  });
}

/** Warns of a head in the future: the clock was wrong when it was recorded, or is wrong now. */
async function warnOfClock({ stream, clock }: Backends, logger: Logger): Promise<void> {
  const { position, recordedAt } = await stream.head();
  const now = clock.now();
  if (recordedAt - now <= AHEAD_MAX) return;
  const fields = {
    position: String(position),
    recorded_at: formatTime(recordedAt),
    clock: formatTime(now),
  };
  logger.warn(
    fields,
    "the clock is behind the ledger's last event: one of the two was set wrong; until the clock gets there, events are recorded at that time, and known_at goes by their arrival",
  );
}

const POLL_EVERY_MS = 250;

type WaitOptions = Readonly<{
  config: Config;
  access: Access;
  logger: Logger;
  signal: AbortSignal;
}>;

/** Opens the ledger for every other role, once an ingestor has created it. */
export async function openWhenCreated(options: WaitOptions): Promise<Backends | null> {
  const { config, access, logger, signal } = options;
  const reader = await connectWhenCreated(options);
  if (reader === null) return null;
  await checkOrClose(reader, async () => {
    if ((await reader.stream.head()).position === 0) logger.info(WAITING);
    await waitForLedger(reader.stream, namesOf(reader), reader.clock, signal);
  });
  if (access === "read") return reader;
  await reader.close();
  return connect(config, access);
}

const WAITING = "waiting for an ingestor to open the ledger";

async function connectWhenCreated({
  config,
  logger,
  signal,
}: WaitOptions): Promise<Backends | null> {
  let isFirst = true;
  while (!signal.aborted) {
    try {
      return await connect(config, "read");
    } catch (error) {
      if (!(error instanceof StreamMissing)) throw error;
      if (isFirst) logger.info({ err: error }, WAITING);
      isFirst = false;
      await wait(POLL_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}

/**
 * Opens the ledger for a command, which does not wait and creates nothing.
 *
 * @throws StreamMissing if there is no ledger; LedgerMismatch if it is another one
 */
export async function openExisting(config: Config, access: Access): Promise<Backends> {
  const reader = await connect(config, "read");
  await checkOrClose(reader, async () => {
    const { stream, ledger, clock } = reader;
    if ((await stream.head()).position === 0) {
      throw new StreamMissing(`ledger "${ledger}" is empty: the first ingestor opens it`);
    }
    await waitForLedger(stream, namesOf(reader), clock, new AbortController().signal);
  });
  if (access === "read") return reader;
  await reader.close();
  return connect(config, access);
}

/** Runs work on a ledger, and closes the ledger after it. */
export async function withBackends<T>(
  opening: Promise<Backends>,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  const backends = await opening;
  try {
    return await work(backends);
  } finally {
    await backends.close();
  }
}

const namesOf = ({ ledger, environment }: Backends): LedgerNames => ({ name: ledger, environment });

/** Closes the backends if the check throws, since they hold files. */
async function checkOrClose(backends: Backends, check: () => Promise<void>): Promise<Backends> {
  try {
    await check();
    return backends;
  } catch (error) {
    await backends.close();
    throw error;
  }
}

/**
 * Checks before anything is appended that the stream's ends are valid, and that no live model was built
 * from another stream.
 *
 * @throws StreamCorrupted, StreamForked
 */
async function checkBeforeStart(backends: Backends): Promise<void> {
  await checkEnds(backends);
  const forks: string[] = [];
  for (const model of MODEL_NAMES) {
    const fork = await forkOf(backends, model);
    if (fork !== null) forks.push(fork.message);
  }
  if (forks.length === 0) return;
  throw new StreamForked([...forks, "`counterfoil rebuild all` goes on from here"].join("\n"));
}

async function forkOf(
  { stream, catalogue }: Backends,
  model: ModelName,
): Promise<StreamForked | null> {
  try {
    const { generation } = await liveGeneration(stream, model);
    const known = await catalogue.generations(model);
    const live = known.find((other) => other.generation === generation);
    if (live !== undefined) await checkNotForked(stream, live.checkpoint, model);
    return null;
  } catch (error) {
    if (error instanceof StreamForked) return error;
    // A model that cannot be read can be rebuilt; it does not keep webhooks out.
    if (isEngineError(error)) return null;
    throw error;
  }
}

/** All roles in one process have about 90 files open before the first connection. */
const OPEN_FILES_MIN = 256;

/**
 * Checks that a role may open enough files. Otherwise it would fail later, at any file or connection.
 *
 * @throws StartupError configuration_invalid
 */
export function checkOpenFiles(): void {
  const files = openFilesMax();
  if (files === null || files >= OPEN_FILES_MIN) return;
  throw new StartupError(
    "configuration_invalid",
    `this process may open ${files} files and connections, and needs ${OPEN_FILES_MIN}: raise the limit (ulimit -n, LimitNOFILE of a unit, ulimits of a container)`,
  );
}

/**
 * Creates the folder of a ledger that is stored in files.
 *
 * @throws StartupError configuration_invalid if the folder cannot be created
 */
export function createDataFolder(config: Config): void {
  if (config.COUNTERFOIL_POSTGRES_URL !== undefined) return;
  const folder = resolve(ledgerFolder(config));
  try {
    createFolder(folder);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!IMPOSSIBLE.has(code)) throw error;
    throw new StartupError(
      "configuration_invalid",
      `COUNTERFOIL_DATA_DIR: there can be no folder ${folder} (${code}): expected one that this user may create or write to`,
    );
  }
}

const IMPOSSIBLE: ReadonlySet<string> = new Set([
  ...["EACCES", "EEXIST", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOTDIR", "EPERM", "EROFS"],
]);

/** Node's own recursive `mkdir` never ends where the system denies a possible folder (`/proc`). */
function createFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) createFolder(dirname(folder));
  mkdirSync(folder);
}
