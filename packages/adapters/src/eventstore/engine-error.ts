import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { convertToCommandError, ErrorType, isCommandError } from "@eventstore/db-client";
import { CallTimedOut } from "./connection.ts";

/**
 * The outcome of a write whose call failed:
 *
 * - `refused`: it is not written, and the same write would be refused again;
 * - `not_sent`: it never left this process;
 * - `not_leader`: it is not written, and the client's next call goes to the leader;
 * - `unknown`: it may be written, now or later.
 */
type FailedWrite = "refused" | "not_sent" | "not_leader" | "unknown";

const REFUSALS: ReadonlySet<string> = new Set([
  ErrorType.ACCESS_DENIED,
  ErrorType.STREAM_DELETED,
  ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED,
  ErrorType.MISSING_REQUIRED_METADATA_PROPERTY,
  ErrorType.INVALID_TRANSACTION,
]);

/** Messages of a channel that never had a connection; status 14 alone could be a lost answer. */
const NEVER_CONNECTED =
  /No connection established|Name resolution failed|Channel closed before call started/;

export function outcomeOf(error: unknown): FailedWrite {
  if (error instanceof CallTimedOut) return "unknown";
  const { type, message, isOfClient } = commandErrorOf(error);
  if (type === null) return isOfClient ? "not_sent" : "refused";
  if (REFUSALS.has(type)) return "refused";
  if (type === ErrorType.NOT_LEADER) return "not_leader";
  return type === ErrorType.UNAVAILABLE && NEVER_CONNECTED.test(message) ? "not_sent" : "unknown";
}

/** Whether the server said that this stream was deleted for good. */
export function isStreamDeleted(error: unknown): boolean {
  return commandErrorOf(error).type === ErrorType.STREAM_DELETED;
}

export function isNotLeader(error: unknown): boolean {
  return commandErrorOf(error).type === ErrorType.NOT_LEADER;
}

const ADVICE: Readonly<Record<string, string>> = {
  [ErrorType.ACCESS_DENIED]:
    "check user and password in COUNTERFOIL_EVENTSTORE_URL, and that this user may read and write the stream",
  [ErrorType.NOT_LEADER]: "the cluster has no leader just now; it goes on by itself",
  [ErrorType.TIMEOUT]: "the cluster cannot replicate just now; it goes on by itself",
  [ErrorType.UNAVAILABLE]:
    "check host, port and tls in COUNTERFOIL_EVENTSTORE_URL, and that the server runs",
  [ErrorType.DEADLINE_EXCEEDED]: "check COUNTERFOIL_EVENTSTORE_URL and the server's load",
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED]: "set the server's MaxAppendSize to 1 MiB or more",
};
const TLS =
  "check tls and tlsCAFile in COUNTERFOIL_EVENTSTORE_URL: both sides must agree on TLS and its authority";
const NO_SERVER = "what answers there is no EventStoreDB; check COUNTERFOIL_EVENTSTORE_URL";
const UNANSWERED =
  "what accepts connections there does not answer; check COUNTERFOIL_EVENTSTORE_URL and the server";

/** An error of a call as an error of the port. Other errors stay as they are. */
export function portError(error: unknown, what: string, hosts: string): unknown {
  if (error instanceof CallTimedOut) {
    const message = `${what} at ${hosts}: ${error.message}: ${UNANSWERED}`;
    return new StreamUnavailable(message, { cause: error });
  }
  const { type, message, isOfClient } = commandErrorOf(error);
  if (!isOfClient) return error;
  if (type === ErrorType.STREAM_DELETED) {
    return new StreamCorrupted(
      `${what} at ${hosts} was deleted for good: restore it from a backup, or choose another COUNTERFOIL_LEDGER`,
      { cause: error },
    );
  }
  const advice = adviceOf(type, message);
  return new StreamUnavailable(`${what} at ${hosts}: ${message}: ${advice}`, { cause: error });
}

function adviceOf(type: string | null, message: string): string {
  if (/certificate|SSL|TLS|CERT|wrong version number/i.test(message)) return TLS;
  if (/UNIMPLEMENTED|HTTP status|Protocol error|Parse Error/i.test(message)) return NO_SERVER;
  return ADVICE[type ?? ""] ?? "check the server's log and COUNTERFOIL_EVENTSTORE_URL";
}

type Named = Readonly<{ type: string | null; message: string; isOfClient: boolean }>;

/** The client's error type; null where the error is none of a call. */
function commandErrorOf(error: unknown): Named {
  if (!(error instanceof Error)) return { type: null, message: String(error), isOfClient: false };
  const converted = convertToCommandError(error);
  if (isCommandError(converted)) {
    const { type, message } = converted;
    return { type, message: message === "" ? type : oneLine(message), isOfClient: true };
  }
  // Discovery and dead channels fail with plain errors.
  const { message } = error;
  return { type: null, message, isOfClient: /^Failed to discover|Channel has been/.test(message) };
}

/** On one line, without the empty note that ends the channel's messages. */
function oneLine(message: string): string {
  return message.replace(/\s+/g, " ").replace(/[.\s]*Resolution note:[\s:]*$/, "");
}
