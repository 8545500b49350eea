import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import {
  convertToCommandError,
  ErrorType,
  EventStoreDBClient,
  isCommandError,
} from "@eventstore/db-client";
import streamsGrpc, {
  type StreamsClient,
} from "@eventstore/db-client/generated/streams_grpc_pb.js";

/** A call in progress. */
type Call<T> = Readonly<{ answer: Promise<T>; cancel: () => void }>;

type CallArguments = ReturnType<EventStoreDBClient["callArguments"]>;

type CallContext = Readonly<{
  /** Metadata and options of a call to the leader; without a deadline it may last forever. */
  argumentsOf: (deadlineMs?: number) => CallArguments;
  /** Must be called for every message of the server; restarts the idle timeout. */
  progress: () => void;
}>;

export type StartCall<T> = (streams: StreamsClient, context: CallContext) => Call<T>;

export type Connection = Readonly<{
  /** The server's address for messages. */
  hosts: string;
  /**
   * Makes a call, and ends it after `idleTimeoutMs` without an answer (null: no timeout).
   *
   * @throws CallTimedOut after the timeout, and the client's or the channel's errors
   */
  call<T>(name: string, idleTimeoutMs: number | null, start: StartCall<T>): Promise<T>;
  /** Ends all calls; nothing keeps the process alive after it. */
  close(): Promise<void>;
}>;

class CallTimedOut extends Error {
  override readonly name = "CallTimedOut";
}

/** Timeouts and intervals; tests shorten them. */
export type Timing = Readonly<{
  /** Timeout of a call without any answer. */
  idleTimeoutMs: number;
  /** Deadline of one append; the server's own commit timeout is 2 to 3 s. */
  appendMs: number;
  /** How long a write of unknown outcome is retried. */
  retryForMs: number;
  /** How long to wait for events that are written but not readable yet. */
  replicationMs: number;
  /** How often waiters read the head, besides the subscription. */
  pollMs: number;
  /** How long a subscription without waiters is kept. */
  lingerMs: number;
}>;

export const DEFAULT_TIMING: Timing = {
  idleTimeoutMs: 5000,
  appendMs: 4000,
  retryForMs: 8000,
  replicationMs: 3000,
  pollMs: 1000,
  lingerMs: 10_000,
};

/**
 * Opens a connection. It uses the official client for the connection string, discovery, credentials,
 * changes of the leader and the channel, and makes the calls with the client's gRPC stubs. The client's
 * own methods parse the JSON of events, which loses bytes, and never end if a server does not answer;
 * its batch appends share their state between clients.
 *
 * @throws ConnectionUrlInvalid if the connection string is invalid
 */
export function openConnection(url: string): Connection {
  const { execute, argumentsOf } = partsOf(createClient(url));
  const hosts = hostsOf(url);
  const closed = () => new Error(`the event stream at ${hosts} was closed by this process`);
  const running = new Set<(error: Error) => void>();
  let channel: { close(): void } | null = null;
  let isClosed = false;

  async function call<T>(
    name: string,
    idleTimeoutMs: number | null,
    start: StartCall<T>,
  ): Promise<T> {
    if (isClosed) throw closed();
    const { promise: failed, reject } = Promise.withResolvers<never>();
    let cancel = () => {};
    let isEnded = false;
    const end = (error: Error) => {
      isEnded = true;
      cancel();
      reject(error);
    };
    const timeout = idleTimeoutMs === null ? null : startIdleTimeout(idleTimeoutMs, end);
    running.add(end);
    const answer = execute(streamsGrpc.StreamsClient, name, async (streams) => {
      channel = streams.getChannel();
      // The channel may be connected long after the call has timed out.
      if (isEnded) throw new CallTimedOut("the call was given up before it began");
      const started = start(streams, { argumentsOf, progress: () => timeout?.restart() });
      cancel = started.cancel;
      return started.answer;
    });
    try {
      return await Promise.race([answer, failed]);
    } finally {
      timeout?.clear();
      running.delete(end);
      answer.catch(() => {});
    }
  }

  return {
    hosts,
    call,
    close: async () => {
      isClosed = true;
      for (const end of [...running]) end(closed());
      channel?.close();
    },
  };
}

/**
 * Starts a timeout in two steps: if this process was busy for longer than the timeout, its timers fire
 * before answers that have already arrived, which are read before the second step ends.
 */
function startIdleTimeout(ms: number, onTimeout: (error: CallTimedOut) => void) {
  const secondMs = Math.ceil(ms / 10);
  let second: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    second = setTimeout(() => onTimeout(new CallTimedOut(`no answer for ${ms} ms`)), secondMs);
  }, ms - secondMs);
  return {
    restart: () => {
      clearTimeout(second);
      first.refresh();
    },
    clear: () => {
      clearTimeout(first);
      clearTimeout(second);
    },
  };
}

/** Internal members of the client, which its exact version keeps stable. */
function partsOf(client: EventStoreDBClient) {
  // biome-ignore lint/complexity/useLiteralKeys: a protected member can only be read this way
  const execute = client["execute"];
  // biome-ignore lint/complexity/useLiteralKeys: the same
  const callArguments = client["callArguments"];
  const argumentsOf = (deadlineMs?: number): CallArguments =>
    deadlineMs === undefined
      ? callArguments({ requiresLeader: true }, { deadline: Number.POSITIVE_INFINITY })
      : callArguments({ requiresLeader: true, deadline: deadlineMs });
  return { execute, argumentsOf };
}

function createClient(url: string): EventStoreDBClient {
  const problem = connectionUrlProblem(url);
  if (problem !== null) throw invalid(problem);
  try {
    // KurrentDB is the server's new name; the client only knows the old one.
    return EventStoreDBClient.connectionString(url.trim().replace(/^kurrentdb/, "esdb"));
  } catch (error) {
    // An error that contains the connection string contains the password.
    const isSecret = !(error instanceof Error) || "connectionString" in error;
    throw invalid(isSecret ? "the client cannot read it" : error.message);
  }
}

const invalid = (problem: string) =>
  new ConnectionUrlInvalid(`COUNTERFOIL_EVENTSTORE_URL cannot be used: ${problem}`);

/** The connection string is invalid. The message never contains a possible secret. */
class ConnectionUrlInvalid extends Error {
  override readonly name = "ConnectionUrlInvalid";
  readonly code = "configuration_invalid";
}

const SHAPE =
  /^(?<scheme>[a-z+]+):\/\/(?:(?<user>[^@/?]*)@)?(?<hosts>[^@/?]+)\/*(?:\?(?<query>[^@]*))?$/;
const HOST = /^[A-Za-z0-9._-]+(:\d{1,5})?$/;
const SCHEMES = new Set(["esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover"]);
const EXPECTED = "expected esdb://user:password@host:2113?tls=true";

type ValueKind = "text" | "number" | "boolean" | "node";

/** The settings that the client knows, normalized. For unknown ones it logs a warning with the password. */
const SETTINGS: Readonly<Record<string, ValueKind>> = {
  usercertfile: "text",
  userkeyfile: "text",
  tlscafile: "text",
  connectionname: "text",
  maxdiscoverattempts: "number",
  defaultdeadline: "number",
  discoveryinterval: "number",
  gossiptimeout: "number",
  keepaliveinterval: "number",
  keepalivetimeout: "number",
  nodepreference: "node",
  tls: "boolean",
  throwonappendfailure: "boolean",
};

const VALUES: Readonly<Record<ValueKind, RegExp>> = {
  text: /^.+$/,
  number: /^-?\d+$/,
  boolean: /^(true|false)$/,
  node: /^(leader|follower|readonlyreplica|random)$/,
};

/** Describes why a connection string is invalid; null if its syntax is valid. */
export function connectionUrlProblem(url: string): string | null {
  const { scheme, user, hosts, query } = SHAPE.exec(url.trim())?.groups ?? {};
  if (scheme === undefined || hosts === undefined) {
    return `it is no connection string, ${EXPECTED}; write @ : / ? in the password as %40 %3A %2F %3F`;
  }
  if (!SCHEMES.has(scheme)) return `its scheme is ${scheme}://, ${EXPECTED}`;
  return userProblem(user) ?? hostsProblem(hosts) ?? queryProblem(query);
}

/** The user that the client authenticates as; null without authentication. */
export function userOf(url: string): string | null {
  const { user, query = "" } = SHAPE.exec(url.trim())?.groups ?? {};
  // The client does not send user and password without TLS.
  const isSent = user !== undefined && !/(?:^|&)tls=false(?:&|$)/i.test(query);
  return isSent ? decodeURIComponent(user.split(":")[0] ?? "") : null;
}

/** The hosts of a connection string, without user and settings, for messages. */
export function hostsOf(url: string): string {
  return SHAPE.exec(url.trim())?.groups?.hosts ?? "EventStoreDB";
}

function userProblem(user: string | undefined): string | null {
  if (user === undefined) return null;
  const parts = user.split(":");
  if (parts.length !== 2 || parts.some((part) => part === "")) {
    return "what stands before @ is not user:password; write : in either as %3A";
  }
  return parts.every(isDecodable) ? null : "user or password holds a % that is not written as %25";
}

function hostsProblem(hosts: string): string | null {
  const wrong = hosts.split(",").find((host) => !HOST.test(host));
  return wrong === undefined ? null : `"${wrong}" is no host or host:port`;
}

function queryProblem(query: string | undefined): string | null {
  for (const setting of query === undefined ? [] : query.split("&")) {
    const [key = "", value = ""] = setting.split("=", 2);
    const kind = SETTINGS[flat(key)];
    if (kind === undefined) {
      return `the setting "${key}" is unknown; known are ${Object.keys(SETTINGS).join(", ")}`;
    }
    const spelled = kind === "node" ? flat(value) : value;
    if (!VALUES[kind].test(spelled) || !isDecodable(value)) {
      return `the setting "${key}" has a value that is no ${kind}`;
    }
  }
  return null;
}

const flat = (text: string): string => text.trim().toLowerCase().replace(/[_-]/g, "");

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The outcome of a write whose call failed:
 *
 * - `refused`: not written, and the same write would be refused again;
 * - `not_sent`: never sent;
 * - `not_leader`: not written, and the client's next call goes to the leader;
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

/** Messages of a channel that was never connected; status 14 alone can also mean a lost answer. */
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

/** Whether the error means that the stream was permanently deleted. */
export function isStreamDeleted(error: unknown): boolean {
  return commandErrorOf(error).type === ErrorType.STREAM_DELETED;
}

export function isNotLeader(error: unknown): boolean {
  return commandErrorOf(error).type === ErrorType.NOT_LEADER;
}

const ADVICE: Readonly<Record<string, string>> = {
  [ErrorType.ACCESS_DENIED]:
    "check user and password in COUNTERFOIL_EVENTSTORE_URL, and that this user may read and write the stream",
  [ErrorType.NOT_LEADER]: "the cluster has no leader just now",
  [ErrorType.TIMEOUT]: "the cluster cannot replicate just now",
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

/** Converts an error of a call to an error of the port. Other errors are returned unchanged. */
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

type CommandError = Readonly<{ type: string | null; message: string; isOfClient: boolean }>;

/** The client's error type; null if it is not an error of a call. */
function commandErrorOf(error: unknown): CommandError {
  if (!(error instanceof Error)) return { type: null, message: String(error), isOfClient: false };
  const converted = convertToCommandError(error);
  if (isCommandError(converted)) {
    const { type, message } = converted;
    return { type, message: message === "" ? type : oneLine(message), isOfClient: true };
  }
  // Discovery and closed channels fail with plain errors.
  const { message } = error;
  return { type: null, message, isOfClient: /^Failed to discover|Channel has been/.test(message) };
}

/** The message on one line, without the empty resolution note that ends the channel's messages. */
function oneLine(message: string): string {
  return message.replace(/\s+/g, " ").replace(/[.\s]*Resolution note:[\s:]*$/, "");
}
