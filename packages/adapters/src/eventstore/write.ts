import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { type AppendAnswer, appendCall, type ServerEvent } from "./append-call.ts";
import { createBackoff } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { outcomeOf, portError } from "./engine-error.ts";
import type { Timing } from "./timing.ts";

export type Write = Readonly<{
  stream: string;
  expectedRevision: number;
  events: readonly ServerEvent[];
}>;

export type WriteResult =
  | Readonly<{ outcome: "written" }>
  /** Nothing was written; the stream is at this revision, which may not be readable yet. */
  | Readonly<{ outcome: "conflict"; revision: number }>;

/** Our own timer is longer than the deadline, whose answer says more. */
const GRACE_MS = 1000;

/**
 * Writes all events after the expected revision, or none. When the outcome is unknown, the same
 * ids are sent again at the same revision: the server answers the repeat of what it has with
 * success, and anything else at that revision with a conflict. To read the events back would prove
 * nothing where it finds nothing, since the write may still be under way.
 *
 * @throws StreamUnavailable when no answer came in time: it may be written, now or later, and the
 * next append finds out, since it expects the same revision.
 */
export async function writeEvents(
  connection: Connection,
  write: Write,
  timing: Timing,
): Promise<WriteResult> {
  const call = appendCall({ ...write, deadlineMs: timing.appendMs });
  const until = performance.now() + timing.patienceMs;
  const pause = createBackoff(20);
  for (let isUnknown = false; ; ) {
    try {
      const answer = await connection.call("append", timing.appendMs + GRACE_MS, call);
      return resultOf(answer, write);
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === "unknown") isUnknown = true;
      const mayRetry = outcome === "not_leader" || isUnknown;
      if (outcome === "refused" || !mayRetry || performance.now() > until) {
        throw writeError(error, write.stream, isUnknown, connection);
      }
    }
    await pause();
  }
}

function resultOf({ outcome, revision }: AppendAnswer, write: Write): WriteResult {
  if (outcome === "wrong_version") return { outcome: "conflict", revision };
  const expected = write.expectedRevision + write.events.length;
  if (revision === expected) return { outcome: "written" };
  // A stream that was deleted goes on with its old numbers: positions would not be dense.
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
