import { setTimeout as wait } from "node:timers/promises";
import {
  AppendTooLarge,
  StreamCorrupted,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import {
  type Connection,
  isStreamDeleted,
  outcomeOf,
  portError,
  type StartCall,
  type Timing,
} from "./connection.ts";
import type { ServerEvent } from "./stored-event.ts";

type Write = Readonly<{
  stream: string;
  expectedRevision: number;
  events: readonly ServerEvent[];
}>;

type WriteResult =
  | Readonly<{ outcome: "written" }>
  /** Nothing was written; the stream is at this revision, which may not be readable yet. */
  | Readonly<{ outcome: "conflict"; revision: number }>;

const RETRY = { delayMsMin: 20, delayMsMax: 500 } as const;
/** Our own timeout exceeds the deadline by this, because the deadline's error is more specific. */
const GRACE_MS = 1000;

/**
 * Writes all events after the expected revision, or none. If the outcome is unknown, the same ids are
 * sent again at the same revision: the server answers a repeat with success, and anything else at
 * that revision with a conflict. Reading the events back would not be enough, because the write may
 * still be in progress if they are not found.
 *
 * @throws StreamUnavailable if there is no answer in time: the events may be written, now or later; the
 *   next append detects it, because it expects the same revision
 */
export async function writeEvents(
  connection: Connection,
  write: Write,
  timing: Timing,
): Promise<WriteResult> {
  const call = appendCall({ ...write, deadlineMs: timing.appendMs });
  const answer = await sendWithRetry(
    connection,
    { name: "append", stream: write.stream, call },
    timing,
  );
  return resultOf(answer, write);
}

/**
 * Deletes a stream permanently, whether it exists or not: it can never be read or written again. Its
 * bytes stay in the server's files until a scavenge. Repeating it changes nothing.
 *
 * @throws StreamUnavailable if there is no answer in time
 */
export async function tombstone(
  connection: Connection,
  stream: string,
  timing: Timing,
): Promise<void> {
  const call = tombstoneCall(stream, timing.appendMs);
  try {
    await sendWithRetry(connection, { name: "tombstone", stream, call }, timing);
  } catch (error) {
    if (!isTombstoned(error)) throw error;
  }
}

/** Whether an error of a write or a read means that the stream was permanently deleted. */
export const isTombstoned = (error: unknown): boolean =>
  error instanceof StreamCorrupted && isStreamDeleted(error.cause);

type Sending<Answer> = Readonly<{ name: string; stream: string; call: StartCall<Answer> }>;

async function sendWithRetry<Answer>(
  connection: Connection,
  { name, stream, call }: Sending<Answer>,
  timing: Timing,
): Promise<Answer> {
  const until = performance.now() + timing.retryForMs;
  let isUnknown = false;
  const backoff = createBackoff(RETRY);
  for (;;) {
    try {
      return await connection.call(name, timing.appendMs + GRACE_MS, call);
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === "unknown") isUnknown = true;
      const mayRetry = outcome === "not_leader" || isUnknown;
      if (outcome === "refused" || !mayRetry || performance.now() > until) {
        throw writeError(error, stream, isUnknown, connection);
      }
    }
    await wait(backoff.next());
  }
}

function resultOf({ outcome, revision }: AppendAnswer, write: Write): WriteResult {
  if (outcome === "wrong_version") return { outcome: "conflict", revision };
  const expected = write.expectedRevision + write.events.length;
  if (revision === expected) return { outcome: "written" };
  // A deleted stream continues with its old revisions, so positions would not be dense.
  throw new StreamCorrupted(
    `stream ${write.stream} is at revision ${revision} after an append, expected ${expected}: it was deleted or truncated; restore it from a backup, or choose another COUNTERFOIL_LEDGER`,
  );
}

function writeError(
  error: unknown,
  stream: string,
  isUnknown: boolean,
  { hosts }: Connection,
): unknown {
  const ofPort = portError(error, `stream ${stream}`, hosts);
  if (!isUnknown || !(ofPort instanceof StreamUnavailable)) return ofPort;
  const message = `${ofPort.message}; whether the append was written is not known`;
  return new StreamUnavailable(message, { cause: error });
}

/** Limit of one append, which every server accepts: the smallest limit is 1 MiB (docs/eventstore.md). */
export const APPEND_COUNTED_MAX = 1_000_000;

/** The size of an event as counted by the server: before 24.10.4 only the data, since then all of these. */
export function countedSize({ data, metadata, type }: ServerEvent): number {
  return data.length + metadata.length + 2 * type.length;
}

/** @throws AppendTooLarge before anything is sent */
export function checkAppendSize(events: readonly ServerEvent[]): void {
  const size = events.reduce((sum, event) => sum + countedSize(event), 0);
  if (size <= APPEND_COUNTED_MAX) return;
  throw new AppendTooLarge(
    `${events.length} events of ${size} bytes are too much for one append to EventStoreDB, which takes ${APPEND_COUNTED_MAX} bytes: append fewer at once; nothing was appended`,
  );
}

type AppendRequest = Readonly<{
  stream: string;
  /** The last revision that the stream must have; -1 for no stream. */
  expectedRevision: number;
  events: readonly ServerEvent[];
  deadlineMs: number;
}>;

/** The last written revision, or the current one after a conflict; -1 for no stream. */
type AppendAnswer = Readonly<{ outcome: "written" | "wrong_version"; revision: number }>;

/**
 * One `Append` call. It has its own deadline, shares nothing with other appends, and does not need the
 * list of the server's features, because the client never retries a failed request for that list.
 */
function appendCall(request: AppendRequest): StartCall<AppendAnswer> {
  return (client, { argumentsOf }) => {
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
    const sink = client.append(...argumentsOf(request.deadlineMs), (error, response) => {
      if (error !== null) return reject(error);
      const answer = answerOf(response);
      if (answer === null) reject(new Error("the server answered an append with nothing"));
      else resolve(answer);
    });
    sink.on("error", reject);
    // Backpressure is not needed, because `checkAppendSize` limits the whole append.
    sink.write(optionsOf(request));
    for (const event of request.events) sink.write(messageOf(event));
    sink.end();
    return { answer: promise, cancel: () => sink.cancel() };
  };
}

function tombstoneCall(stream: string, deadlineMs: number): StartCall<null> {
  return (client, { argumentsOf }) => {
    const { promise, resolve, reject } = Promise.withResolvers<null>();
    const identifier = new shared.StreamIdentifier();
    identifier.setStreamName(Buffer.from(stream).toString("base64"));
    const options = new streams.TombstoneReq.Options().setStreamIdentifier(identifier);
    const request = new streams.TombstoneReq().setOptions(options.setAny(new shared.Empty()));
    const call = client.tombstone(request, ...argumentsOf(deadlineMs), (error) =>
      error === null ? resolve(null) : reject(error),
    );
    return { answer: promise, cancel: () => call.cancel() };
  };
}

function optionsOf({ stream, expectedRevision }: AppendRequest) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString("base64"));
  const options = new streams.AppendReq.Options().setStreamIdentifier(identifier);
  if (expectedRevision < 0) options.setNoStream(new shared.Empty());
  else options.setRevision(String(expectedRevision));
  return new streams.AppendReq().setOptions(options);
}

function messageOf({ id, type, contentType, metadata, data }: ServerEvent) {
  const message = new streams.AppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(id))
    .setCustomMetadata(metadata)
    .setData(data);
  message.getMetadataMap().set("type", type).set("content-type", contentType);
  return new streams.AppendReq().setProposedMessage(message);
}

function answerOf(response: InstanceType<typeof streams.AppendResp>): AppendAnswer | null {
  const success = response.getSuccess();
  if (success !== undefined) {
    const revision = success.hasNoStream() ? -1 : Number(success.getCurrentRevision());
    return { outcome: "written", revision };
  }
  const wrong = response.getWrongExpectedVersion();
  if (wrong === undefined) return null;
  const revision = wrong.hasCurrentRevision() ? Number(wrong.getCurrentRevision()) : -1;
  return { outcome: "wrong_version", revision };
}
