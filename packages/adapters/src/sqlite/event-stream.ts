import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parentPort, Worker, workerData } from "node:worker_threads";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import {
  EventIdTaken,
  FormatTooNew,
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import {
  type AppendResult,
  type EventStream,
  isTrial,
  type KnownEvents,
  rangeOf,
} from "@counterfoil/processing/ports/event-stream";
import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import { collectWhenAsked } from "../node/garbage.ts";
import { nodeHashing } from "../node/runtime.ts";
import { createPendingCalls } from "../pending-calls.ts";
import { STREAM } from "../sql/engine-errors.ts";
import {
  createFolder,
  createReconnectingConnection,
  portError,
  type ReconnectingConnection,
} from "./database.ts";
import {
  type Append,
  appendEvents,
  eraseBodies,
  findByIds,
  findPositions,
  readAt,
  readBodies,
  readBody,
  readEventsOfTypes,
  readHead,
  readPage,
} from "./stream-events.ts";
import {
  type Migrated,
  openStreamConnection,
  type StreamConnection,
  streamMissing,
} from "./stream-file.ts";

export type EventStreamOptions = Readonly<{
  /** The ledger's folder, which contains the stream as `stream.db`. */
  dataDir: string;
  ledger: string;
  hashing: Hashing;
  clock: Clock;
  /** Neither creates nor writes anything. Set for every role except the ingestor. */
  readOnly?: boolean;
  /** Runs `findByIds` and `append` on a worker thread. */
  ownThread?: boolean;
  /** Logs the migration of a file of an older format. */
  logger?: Readonly<{ info(fields: object, message: string): void }> | undefined;
}>;

/**
 * Opens the stream of a ledger, one SQLite file.
 *
 * @throws StreamMissing if read-only and the stream does not exist yet
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted if the stream must not be used
 * @throws StreamUnavailable if the stream cannot be used at present
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { ledger, hashing, readOnly = false, logger } = options;
  const dataDir = resolve(options.dataDir);
  const file = join(dataDir, "stream.db");
  if (readOnly && !isThere(file)) throw streamMissing(file);
  if (!readOnly) createFolder(dataDir, STREAM);

  const empty = emptyHead(ledger, hashing);
  const onMigrated = (migrated: Migrated) =>
    logger?.info({ file, ...migrated }, "migrated the event stream to the present format");
  const connection = createReconnectingConnection({
    file,
    mapping: STREAM,
    mode: readOnly ? "read" : "create",
    watchesLog: true,
    open: (mode) => openStreamConnection({ file, ledger, mode, empty, onMigrated }),
  });
  try {
    await connection.use(readHead);
  } catch (error) {
    connection.close();
    throw error;
  }
  return createEventStream(file, connection, options);
}

function createEventStream(
  file: string,
  connection: ReconnectingConnection<StreamConnection>,
  options: EventStreamOptions,
): EventStream {
  const { use } = connection;
  const { ledger, clock, hashing, readOnly, ownThread = false } = options;
  const thread = ownThread ? openStreamThread({ file, ledger }) : null;
  const watch = createAppendWatch(file, async () => (await use(readHead)).position);
  return {
    head: () => use(readHead),
    append: async (expectedPosition, events, bodies = [], unlessAbout) => {
      const append = { expectedPosition, events, bodies, unlessAbout, now: clock.now() };
      if (readOnly) {
        if (isTrial(events, bodies)) return appendAsWriter(file, append, options);
        throw new Error(`the event stream in ${file} was opened read-only`);
      }
      const result = await (thread?.append(append) ??
        use((connection) => appendEvents(connection, append, hashing)));
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ types, ...query }) => {
      const range = rangeOf(query);
      return types === undefined
        ? use((connection) => readPage(connection, range))
        : readEventsOfTypes(use, { ...range, types });
    },
    readAt: (positions) => use((connection) => readAt(connection, positions)),
    findByIds: (ids) => thread?.findByIds(ids) ?? use((connection) => findByIds(connection, ids)),
    findPositions: (ids) => use((connection) => findPositions(connection, ids)),
    body: (sha256) => use((connection) => readBody(connection, sha256)),
    bodies: (digests) => use((connection) => readBodies(connection, digests)),
    eraseBodies: async (digests) => {
      if (readOnly) throw new Error(`the event stream in ${file} was opened read-only`);
      return eraseBodies(use, file, digests, hashing);
    },
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      await thread?.close();
      connection.close();
    },
  };
}

/** Appends over a connection of its own, which an ingestor would have. */
async function appendAsWriter(
  file: string,
  append: Append,
  { ledger, hashing }: EventStreamOptions,
): Promise<AppendResult> {
  const empty = emptyHead(ledger, hashing);
  const connection = createReconnectingConnection({
    ...{ file, mapping: STREAM, mode: "write" },
    open: (mode) => openStreamConnection({ file, ledger, mode, empty }),
  });
  try {
    return await connection.use((writer) => appendEvents(writer, append, hashing));
  } finally {
    connection.close();
  }
}

const POLL_MS_MIN = 2;
const POLL_MS_MAX = 25;
/** Factor of the poll interval while the head does not move: from 2 to 25 ms takes 0.1 s. */
const POLL_BACKOFF = 1.25;

/** The waiters of all stream instances in this thread, by file. */
const waitersOfFile = new Map<string, Set<HeadWaiters>>();

/**
 * Waits for the stream to grow. An append in this thread wakes all waiters of the file at once, on any
 * instance. Appends of other processes and worker threads are found by polling the head: often after
 * an append, and less often while there is none.
 */
function createAppendWatch(
  file: string,
  headPosition: () => Promise<number>,
): Omit<HeadWaiters, "look"> {
  let pollMs = POLL_MS_MIN;
  const own = createHeadWaiters({
    headPosition,
    lookAfterMs: () => {
      const waitMs = pollMs;
      pollMs = Math.min(pollMs * POLL_BACKOFF, POLL_MS_MAX);
      return waitMs;
    },
    onReached: () => {
      pollMs = POLL_MS_MIN;
    },
  });
  const all = waitersOfFile.get(file) ?? new Set();
  waitersOfFile.set(file, all.add(own));
  return {
    wait: own.wait,
    announce: (position) => {
      for (const waiters of all) waiters.announce(position);
    },
    close: () => {
      all.delete(own);
      if (all.size === 0) waitersOfFile.delete(file);
      own.close();
    },
  };
}

/** @throws StreamUnavailable if this user may not read the folder */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw portError(error, STREAM, file);
  }
}

/** The stream calls of an ingestor that run on a worker thread. */
export type StreamThread = Readonly<{
  findByIds: (ids: readonly string[]) => Promise<KnownEvents>;
  append: (append: Append) => Promise<AppendResult>;
  close: () => Promise<void>;
}>;

/** The `workerData` of the stream thread. */
type StreamThreadData = Readonly<{ file: string; ledger: string }>;

type ThreadRequest = Readonly<{
  call: number;
  ask:
    | Readonly<{ what: "findByIds"; ids: readonly string[] }>
    | Readonly<{ what: "append"; append: Append }>
    | Readonly<{ what: "close" }>;
}>;

type ThreadResult = KnownEvents | AppendResult;

type ThreadResponse = Readonly<{ call: number }> &
  (Readonly<{ result: ThreadResult }> | Readonly<{ error: PackedError }>);

/**
 * Writes the stream on a worker thread, so that a slow flush of the disk does not block the event loop,
 * which answers webhooks and accepts the next ones meanwhile. If the thread dies, its pending calls
 * fail as they do for a failed disk, and the next call starts another thread.
 */
export function openStreamThread(data: StreamThreadData): StreamThread {
  const calls = createPendingCalls<ThreadResult>();
  let thread: Worker | null = null;
  let ended: Promise<unknown> = Promise.resolve();

  function fail(dead: Worker, cause: unknown): void {
    if (thread !== dead) return;
    thread = null;
    calls.rejectAll(
      new StreamUnavailable("the thread that writes the stream has ended", { cause }),
    );
  }

  function start(): Worker {
    const started = startWorker(data);
    started.on("message", (answer: ThreadResponse) => {
      if ("error" in answer) calls.reject(answer.call, unpackError(answer.error));
      else calls.resolve(answer.call, answer.result);
    });
    ended = new Promise((resolve) => started.once("exit", resolve));
    started.on("error", (error) => fail(started, error));
    started.on("exit", (code) => fail(started, `exit code ${code}`));
    return started;
  }

  function ask<Result>(request: ThreadRequest["ask"]): Promise<Result> {
    const asked = thread ?? start();
    thread = asked;
    const answer = calls.ask((call) =>
      asked.postMessage({ call, ask: request } satisfies ThreadRequest),
    );
    return answer as Promise<Result>;
  }

  return {
    findByIds: (ids) => ask({ what: "findByIds", ids }),
    append: (append) => ask({ what: "append", append: { ...append, bodies: copied(append) } }),
    close: async () => {
      thread?.postMessage({ call: 0, ask: { what: "close" } } satisfies ThreadRequest);
      await ended;
    },
  };
}

/**
 * A body is a view of a received network chunk, and a message would copy the whole chunk; a large one is in
 * memory that the threads share.
 */
const copied = ({ bodies }: Append): Append["bodies"] =>
  bodies.map(({ sha256, bytes }) => {
    const isShared = bytes.buffer instanceof SharedArrayBuffer;
    return { sha256, bytes: isShared ? bytes : new Uint8Array(bytes) };
  });

function startWorker(workerData: StreamThreadData): Worker {
  return new Worker(new URL(import.meta.url), {
    workerData,
    name: "stream",
    // Its objects are garbage by the next append.
    resourceLimits: { maxYoungGenerationSizeMb: 12 },
  });
}

/** What the worker thread of `openStreamThread` runs. */
function answerOnThread({ file, ledger }: StreamThreadData): void {
  collectWhenAsked();
  const empty = emptyHead(ledger, nodeHashing);
  const connection = createReconnectingConnection({
    file,
    mapping: STREAM,
    mode: "write",
    watchesLog: true,
    open: (mode) => openStreamConnection({ file, ledger, mode, empty }),
  });
  const answer = (message: ThreadResponse) => parentPort?.postMessage(message);
  parentPort?.on("message", async ({ call, ask }: ThreadRequest) => {
    if (ask.what === "close") {
      connection.close();
      parentPort?.close();
      return;
    }
    try {
      const result = await connection.use((opened) =>
        ask.what === "append"
          ? appendEvents(opened, ask.append, nodeHashing)
          : findByIds(opened, ask.ids),
      );
      answer({ call, result });
    } catch (error) {
      answer({ call, error: packError(error) });
    }
  });
}

/** An error as sent between threads, because a message does not keep its class. */
type PackedError = Readonly<{ name: string; message: string; stack: string | undefined }>;

const CLASSES = [
  StreamUnavailable,
  StreamCorrupted,
  StreamMissing,
  LedgerMismatch,
  FormatTooNew,
  EventIdTaken,
];

function packError(error: unknown): PackedError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { name, message, stack };
}

/** Restores a port error with its class; any other becomes an `Error` with the thread's stack. */
function unpackError({ name, message, stack }: PackedError): Error {
  const ErrorOfPort = CLASSES.find((each) => each.name === name) ?? Error;
  const error = new ErrorOfPort(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

if (import.meta.main) answerOnThread(workerData as StreamThreadData);
