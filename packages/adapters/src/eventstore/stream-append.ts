import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { EventIdTaken } from "@counterfoil/processing/ports/errors";
import type { AppendResult, Body } from "@counterfoil/processing/ports/event-stream";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import type { Connection, StartCall, Timing } from "./connection.ts";
import { catchUpIndex, entryOf, type IdentityIndex } from "./identity-index.ts";
import { type DecodedEvent, encodeEvent } from "./stored-event.ts";
import type { StreamBodies } from "./stream-bodies.ts";
import { type ReadResponse, requestOf, type StreamReader, storedOf } from "./stream-reader.ts";
import { checkAppendSize, writeEvents } from "./write.ts";

/** The parts of one ledger's stream. */
export type StreamParts = Readonly<{
  connection: Connection;
  reader: StreamReader;
  bodies: StreamBodies;
  index: IdentityIndex;
  recent: RecentHead;
  clock: Clock;
  hashing: Hashing;
  timing: Timing;
}>;

type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
}>;

/**
 * Appends events. First it checks everything that needs no write. Then it stores the bodies, which are
 * harmless without their events, and then the events in one append, which the server writes or refuses.
 *
 * @throws EventIdTaken, AppendTooLarge with nothing written; StreamUnavailable as `writeEvents`
 */
export async function appendEvents(parts: StreamParts, append: Append): Promise<AppendResult> {
  const { connection, reader, bodies, index, recent, timing } = parts;
  const { expectedPosition } = append;
  const before = await headAt(parts, expectedPosition);
  if (before === null) return { outcome: "conflict" };
  const sealed = sealAll(parts, before, append.events);
  const events = sealed.map((event) => encodeEvent(event, crypto.randomUUID()));
  checkAppendSize(events);
  const erased = await erasedOf(parts, before, append);
  if (erased === null) return { outcome: "conflict" };
  await bodies.store(append.bodies.filter(({ sha256 }) => !erased.has(sha256)));
  const last = sealed.at(-1);
  if (last === undefined) return { outcome: "appended", head: before };

  const head = headOf(last.event);
  const write = { stream: reader.stream, expectedRevision: expectedPosition - 1, events };
  const result = await writeEvents(connection, write, timing);
  if (result.outcome === "conflict") {
    // Wait until the other writer's events can be read; otherwise the caller could read the old head.
    await reader.headReaching(result.revision + 1);
    return { outcome: "conflict" };
  }
  recent.update(head, performance.now());
  // Index the events for other readers; another process may have done so already.
  await index
    .advance(checkpointOf(before), checkpointOf(head), sealed.map(entryOf))
    .catch(() => {});
  return { outcome: "appended", head };
}

/** The head if it is at the position; a recently read head is used if there is one. */
async function headAt({ reader, recent }: StreamParts, position: number): Promise<Head | null> {
  const known = recent.get();
  if (known?.position === position) return known;
  const askedAt = performance.now();
  const head = recent.update(await reader.head(), askedAt);
  return head.position === position ? head : null;
}

function sealAll(
  { clock, hashing }: StreamParts,
  before: Head,
  events: readonly NewEvent[],
): readonly DecodedEvent[] {
  // All events of an append have the same time.
  const now = clock.now();
  let head = before;
  return events.map((added) => {
    const event = sealEvent(head, added, now, hashing);
    head = headOf(event);
    return { event, amends: added.about };
  });
}

/**
 * Checks the ids as of the append's position. The server does not compare the ledger's ids. They are
 * unique because they are checked here, and because the append succeeds only at the checked position.
 * For the same reason a body is not stored if its erasure is on the stream.
 *
 * @returns the erased bodies; null if the stream is no longer at that position
 * @throws EventIdTaken
 */
async function erasedOf(
  parts: StreamParts,
  before: Head,
  { events, bodies }: Append,
): Promise<ReadonlySet<string> | null> {
  const ids = idsOf(events);
  const checkpoint = await parts.index.checkpoint();
  const isCaughtUp = checkpoint.position === before.position && checkpoint.hash === before.hash;
  if (!isCaughtUp && (await catchUpIndex(parts)).position !== before.position) return null;
  const erasures = new Map(
    bodies.map(({ sha256 }) => [bodyErasedId(sha256, parts.hashing), sha256]),
  );
  const found = [...(await parts.index.find([...ids, ...erasures.keys()], before.position)).keys()];
  const repeated = found.find((id) => ids.has(id));
  if (repeated !== undefined) throw taken(repeated, "on the stream already");
  return new Set(found.map((id) => erasures.get(id) ?? ""));
}

function idsOf(events: readonly NewEvent[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { id } of events) {
    if (ids.has(id)) throw taken(id, "twice in one append");
    ids.add(id);
  }
  return ids;
}

function taken(id: string, where: string): EventIdTaken {
  return new EventIdTaken(
    `event id ${id} is ${where}; nothing was appended: look ids up as of the head that you append to`,
  );
}

const checkpointOf = ({ position, hash }: Head) => ({
  position,
  hash: position === 0 ? "" : hash,
});

/** The last known head, so that an append after a lookup of ids need not read it again. */
type RecentHead = Readonly<{
  get(): Head | null;
  /** Stores a head that was requested at `askedAt` (`performance.now()`), and returns it. */
  update(head: Head, askedAt: number): Head;
}>;

/**
 * An older head is not used, because the next event's hash depends on it: if the server had been
 * restored from a backup and had grown to the same position, the append would break the chain.
 */
const RECENT_MS = 500;

export function createRecentHead(): RecentHead {
  let recent: Readonly<{ head: Head; askedAt: number }> | null = null;
  return {
    get: () =>
      recent !== null && performance.now() - recent.askedAt <= RECENT_MS ? recent.head : null,
    update: (head, askedAt) => {
      recent = { head, askedAt };
      return head;
    },
  };
}

type Options = Readonly<{
  connection: Connection;
  stream: string;
  headPosition: () => Promise<number>;
  timing: Timing;
}>;

const RESUBSCRIBE = { delayMsMin: 50, delayMsMax: 5000 } as const;

/**
 * Waits for appends. One subscription serves all waiters, and is only a hint. The head is read when the
 * subscription is confirmed, because of earlier appends, and periodically, because of lost ones.
 */
export function createAppendWatch(options: Options): Omit<HeadWaiters, "look"> {
  const { headPosition, timing } = options;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => timing.pollMs,
    onWait: () => subscription.start(),
    onRest: () => subscription.endLater(),
  });
  const subscription = createSubscription(options, {
    onAppend: waiters.announce,
    onConfirmed: look,
  });
  return {
    ...waiters,
    close: () => {
      waiters.close();
      subscription.end();
    },
  };
}

type Listener = Readonly<{
  onAppend: (position: number) => void;
  onConfirmed: () => Promise<void>;
}>;

/** A subscription in use; `cancel` ends its call, or the pause before the next one. */
type Attempt = { isEnded: boolean; cancel: () => void };

/** Keeps at most one subscription while there are waiters. */
function createSubscription(options: Options, listener: Listener) {
  let current: Attempt | null = null;
  let linger: NodeJS.Timeout | undefined;

  function cancelLinger(): void {
    clearTimeout(linger);
    linger = undefined;
  }

  function end(): void {
    cancelLinger();
    if (current !== null) current.isEnded = true;
    current?.cancel();
    current = null;
  }

  return {
    start: () => {
      cancelLinger();
      if (current !== null) return;
      current = { isEnded: false, cancel: () => {} };
      void follow(options, listener, current);
    },
    /** The subscription is kept for a while, because a follower usually waits again soon. */
    endLater: () => {
      if (current !== null) linger ??= setTimeout(end, options.timing.lingerMs);
    },
    end,
  };
}

/** Subscribes, and resubscribes with backoff whenever the subscription ends. */
async function follow(
  { connection, stream }: Options,
  { onAppend, onConfirmed }: Listener,
  attempt: Attempt,
): Promise<void> {
  const backoff = createBackoff(RESUBSCRIBE);
  const start = subscribeCall(stream, {
    confirmed: () => {
      backoff.reset();
      void onConfirmed();
    },
    appended: (revision) => onAppend(revision + 1),
  });
  while (!attempt.isEnded) {
    await connection
      .call("subscribe", null, (streams, context) => {
        const call = start(streams, context);
        attempt.cancel = call.cancel;
        if (attempt.isEnded) call.cancel();
        return call;
      })
      .catch(() => {});
    if (!attempt.isEnded) await pause(attempt, backoff.next());
  }
}

function pause(attempt: Attempt, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    attempt.cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

type SubscriptionListener = Readonly<{
  /** From now on no append is missed. */
  confirmed: () => void;
  appended: (revision: number) => void;
}>;

/**
 * Subscribes to new events of a stream, which need not exist yet. The call never ends successfully; it
 * fails when the server or the connection ends it.
 */
function subscribeCall(stream: string, listener: SubscriptionListener): StartCall<never> {
  return (client, { argumentsOf }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    const request = requestOf(stream);
    request.getStream()?.setEnd(new shared.Empty());
    request.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
    const call = client.read(new streams.ReadReq().setOptions(request), ...argumentsOf());
    call.on("error", reject);
    call.on("end", () => reject(new Error("the server ended the subscription")));
    call.on("data", (response: ReadResponse) => {
      if (response.hasConfirmation()) listener.confirmed();
      const event = storedOf(response);
      if (event !== null) listener.appended(event.revision);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}
