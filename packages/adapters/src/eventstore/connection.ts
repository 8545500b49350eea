import { EventStoreDBClient } from "@eventstore/db-client";
import streamsGrpc, {
  type StreamsClient,
} from "@eventstore/db-client/generated/streams_grpc_pb.js";
import { ConnectionUrlInvalid, connectionUrlProblem, hostsOf } from "./connection-url.ts";

/** A call under way. */
export type Call<T> = Readonly<{ answer: Promise<T>; cancel: () => void }>;

type CallArguments = ReturnType<EventStoreDBClient["callArguments"]>;

export type CallContext = Readonly<{
  /** Metadata and options of a call to the leader; without a deadline it may last for ever. */
  argumentsOf: (deadlineMs?: number) => CallArguments;
  /** To be called whenever the server shows that it is still there. */
  progress: () => void;
}>;

export type StartCall<T> = (streams: StreamsClient, context: CallContext) => Call<T>;

export type Connection = Readonly<{
  /** Where the server is, for messages. */
  hosts: string;
  /**
   * Makes a call, and ends it when nothing came for `silenceMs` (null: no matter how long).
   *
   * @throws CallTimedOut after that silence, and the client's or the channel's errors.
   */
  call<T>(name: string, silenceMs: number | null, start: StartCall<T>): Promise<T>;
  /** Ends every call; nothing keeps the process alive after it. */
  close(): Promise<void>;
}>;

export class CallTimedOut extends Error {
  override readonly name = "CallTimedOut";
}

/**
 * Uses the official client for the connection string, discovery, credentials, the change of leaders
 * and the channel, and makes the calls through the stubs that it ships. The client's own methods
 * parse the JSON of events, which loses bytes, and never end on a server that does not answer; its
 * batch appends share their state between clients.
 *
 * @throws ConnectionUrlInvalid where the connection string cannot be used.
 */
export function openConnection(url: string): Connection {
  const client = createClient(url);
  const { execute, callArguments } = partsOf(client);
  const hosts = hostsOf(url);
  const running = new Set<(error: Error) => void>();
  let channel: { close(): void } | null = null;
  let isClosed = false;

  const argumentsOf = (deadlineMs?: number): CallArguments => {
    const [leader, forEver] = [{ requiresLeader: true }, { deadline: Number.POSITIVE_INFINITY }];
    return deadlineMs === undefined
      ? callArguments(leader, forEver)
      : callArguments({ ...leader, deadline: deadlineMs });
  };

  async function call<T>(name: string, silenceMs: number | null, start: StartCall<T>): Promise<T> {
    if (isClosed) throw new Error(`the event stream at ${hosts} was closed by this process`);
    const { promise: over, reject } = Promise.withResolvers<never>();
    let cancel = () => {};
    let isOver = false;
    const end = (error: Error) => {
      isOver = true;
      cancel();
      reject(error);
    };
    const silence = silenceMs === null ? null : startSilence(silenceMs, end);
    running.add(end);
    const answer = execute(streamsGrpc.StreamsClient, name, async (streams) => {
      channel = streams.getChannel();
      // The channel may come long after the caller has given up.
      if (isOver) throw new CallTimedOut("the call was given up before it began");
      const made = start(streams, { argumentsOf, progress: () => silence?.broken() });
      cancel = made.cancel;
      return made.answer;
    });
    try {
      return await Promise.race([answer, over]);
    } finally {
      silence?.over();
      running.delete(end);
      answer.catch(() => {});
    }
  }

  return {
    hosts,
    call,
    close: async () => {
      isClosed = true;
      const error = new Error(`the event stream at ${hosts} was closed by this process`);
      for (const end of [...running]) end(error);
      channel?.close();
    },
  };
}

/**
 * Reports a silence in two steps: after this process was busy for longer than that, its timers fire
 * before the answers that have arrived meanwhile, and these need the second step to be read.
 */
function startSilence(ms: number, onSilence: (error: CallTimedOut) => void) {
  const secondMs = Math.ceil(ms / 10);
  let second: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    second = setTimeout(() => onSilence(new CallTimedOut(`no answer for ${ms} ms`)), secondMs);
  }, ms - secondMs);
  return {
    broken: () => {
      clearTimeout(second);
      first.refresh();
    },
    over: () => {
      clearTimeout(first);
      clearTimeout(second);
    },
  };
}

/** What the client keeps for its own modules; bound, and pinned by its exact version. */
function partsOf(client: EventStoreDBClient) {
  return {
    // biome-ignore lint/complexity/useLiteralKeys: only so may a protected member be read
    execute: client["execute"],
    // biome-ignore lint/complexity/useLiteralKeys: the same
    callArguments: client["callArguments"],
  };
}

function createClient(url: string): EventStoreDBClient {
  const problem = connectionUrlProblem(url);
  if (problem !== null) throw invalid(problem);
  try {
    return EventStoreDBClient.connectionString(url.trim());
  } catch (error) {
    // An error that holds the connection string holds the password.
    const isSecret = !(error instanceof Error) || "connectionString" in error;
    throw invalid(isSecret ? "the client cannot read it" : error.message);
  }
}

const invalid = (problem: string) =>
  new ConnectionUrlInvalid(`COUNTERFOIL_EVENTSTORE_URL cannot be used: ${problem}`);
