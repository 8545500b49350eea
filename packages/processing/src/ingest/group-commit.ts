import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { APPEND_BYTES_MAX, APPEND_EVENTS_MAX, storedSize } from "@counterfoil/core/ingest/event";
import { knownFacts, noteEvent } from "@counterfoil/core/ingest/fact-state";
import type { Clock } from "../ports/clock.ts";
import { isEngineError } from "../ports/errors.ts";
import type { AppendResult, Body, EventStream, KnownEvents } from "../ports/event-stream.ts";
import type { Receipt } from "../ports/ingest.ts";
import type { Decision, Request } from "./request.ts";

/**
 * Group commit: requests that are pending together form one group, whose ids are looked up and which
 * is decided and appended as a whole. While one group is appended, the next is looked up and decided
 * on top of it. A group that fails is retried one request at a time, so that no delivery fails others. If
 * the stream itself failed, only requests that have not waited for long are retried.
 */

/** A request with the promise functions of its submitter. */
export type Pending = Readonly<{
  request: Request;
  /** When it was submitted. */
  since: Nanos;
  resolve: (receipt: Receipt) => void;
  reject: (error: unknown) => void;
}>;

type PendingQueue = Readonly<{
  /** The next group; empty if nothing is pending. */
  takeGroup: () => readonly Pending[];
  /** Rejects pending requests, because the stream is unavailable: all, or those that are meant. */
  reject: (error: unknown, isMeant?: (pending: Pending) => boolean) => void;
}>;

type Context = Readonly<{ stream: EventStream; clock: Clock; queue: PendingQueue }>;

/** `decided` is null if the group has to be looked up again after the one before it. */
type NextGroup = Readonly<{ group: readonly Pending[]; decided: DecidedGroup | null }>;

const NO_GROUP: NextGroup = { group: [], decided: null };

/** Appends groups until nothing is pending. Every request is resolved or rejected. */
export async function commitGroups(context: Context): Promise<void> {
  let next = await prepareGroup(context, null);
  while (next.group.length > 0) {
    const { group, decided } = next;
    if (decided === null) {
      await commitAlone(context, group);
      next = await prepareGroup(context, null);
    } else {
      next = await commitAndPrepare(context, group, decided);
    }
  }
}

/** Looks up and decides the next group, on top of one whose append may still be in progress. */
async function prepareGroup(context: Context, before: DecidedGroup | null): Promise<NextGroup> {
  const { stream, queue } = context;
  const group = queue.takeGroup();
  if (group.length === 0) return NO_GROUP;
  try {
    return { group, decided: decideGroup(group, await lookUpGroup(stream, group), before) };
  } catch (error) {
    if (!(error instanceof LookUpFailed)) return { group, decided: null };
    for (const { reject } of group) reject(error.cause);
    queue.reject(error.cause);
    return NO_GROUP;
  }
}

/**
 * Appends a group while the next one is decided on top of it. That decision is valid only if the whole
 * group became durable at the expected position.
 */
async function commitAndPrepare(
  context: Context,
  group: readonly Pending[],
  decided: DecidedGroup,
): Promise<NextGroup> {
  const { stream, clock } = context;
  // The lookup is sent before the append, which would delay it.
  const preparing = prepareGroup(context, decided);
  const unanswered = new Set(group);
  const appending = appendDecidedGroup(stream, decided, (answers) => {
    for (const { pending } of answers) unanswered.delete(pending);
    // Acknowledging takes time during which the disk would be idle, so the next append goes first.
    void clock.nextTurn().then(() => acknowledge(answers));
  });
  // If the append failed, each delivery is retried alone to find the bad one.
  const end = await appending.catch((error: unknown) => ({ error }));
  const failure = typeof end === "object" ? end : null;
  const left = failure === null ? [...unanswered] : refuseOld(context, unanswered, failure.error);
  if (left.length > 0) await commitAlone(context, left, failure !== null);
  const next = await preparing;
  if (end === decided.position) return next;
  const following = failure === null ? next.group : refuseOld(context, next.group, failure.error);
  return following.length > 0 ? { group: following, decided: null } : prepareGroup(context, null);
}

/**
 * How long a request may have waited to be tried again after the stream has failed. Together with the timeout of
 * one append, its provider is answered within about ten seconds, and sends it again.
 */
const RETRIED_WITHIN = 4n * SECOND;

/** Rejects what has waited too long for an attempt after this error, in the group and in the queue. @returns the others */
function refuseOld(
  { clock, queue }: Context,
  group: Iterable<Pending>,
  error: unknown,
): readonly Pending[] {
  if (!isEngineError(error)) return [...group];
  const now = clock.now();
  const isOld = ({ since }: Pending) => now - since >= RETRIED_WITHIN;
  queue.reject(error, isOld);
  return [...group].filter((pending) => {
    if (isOld(pending)) pending.reject(error);
    return !isOld(pending);
  });
}

async function commitAlone(
  context: Context,
  group: readonly Pending[],
  hasFailed = false,
): Promise<void> {
  try {
    await appendGroup(context, group, hasFailed);
  } catch (error) {
    if (!(error instanceof LookUpFailed)) throw error;
    context.queue.reject(error.cause);
  }
}

/**
 * Appends a group and answers each request. After an error each request is appended alone, so that one
 * delivery that cannot be appended does not fail the others.
 *
 * @param hasFailed the group's append has already failed
 * @throws LookUpFailed after rejecting the unanswered requests
 */
async function appendGroup(
  context: Context,
  group: readonly Pending[],
  hasFailed: boolean,
): Promise<void> {
  let unanswered = new Set(group);
  let isTogether = !hasFailed;
  while (unanswered.size > 0) {
    const chosen = [...unanswered].slice(0, isTogether ? unanswered.size : 1);
    try {
      await appendTogether(context.stream, chosen, unanswered);
    } catch (error) {
      if (error instanceof LookUpFailed) {
        for (const { reject } of unanswered) reject(error.cause);
        throw error;
      }
      if (!isTogether || unanswered.size === 1) rejectFirst(unanswered, error);
      isTogether = false;
      unanswered = new Set(refuseOld(context, unanswered, error));
    }
  }
}

function rejectFirst(unanswered: Set<Pending>, error: unknown): void {
  const [first] = unanswered;
  if (first === undefined) return;
  first.reject(error);
  unanswered.delete(first);
}

/**
 * Looks up, decides and appends the chosen requests, and removes them from the unanswered ones as they
 * become durable. After a conflict the remaining ones are looked up and decided again.
 */
async function appendTogether(
  stream: EventStream,
  chosen: readonly Pending[],
  unanswered: Set<Pending>,
): Promise<void> {
  const rest = (group: readonly Pending[]) => group.filter((pending) => unanswered.has(pending));
  for (let group = chosen; group.length > 0; group = rest(group)) {
    const decided = decideGroup(group, await lookUpGroup(stream, group));
    if (decided === null) continue;
    await appendDecidedGroup(stream, decided, (answers) => {
      acknowledge(answers);
      for (const { pending } of answers) unanswered.delete(pending);
    });
  }
}

/** The decision of a group, valid if the stream is at `after` when it is appended. */
type DecidedGroup = Readonly<{
  after: number;
  /** All ids that were looked up for the group. */
  ids: readonly string[];
  /** The stream's head position after the appends. */
  position: number;
  appends: readonly Append[];
  /** The group's events by the id of the fact that each records or amends. */
  eventsByFact: ReadonlyMap<string, readonly NewEvent[]>;
}>;

/** One append, and the requests that are durable after it. */
type Append = {
  readonly events: NewEvent[];
  readonly bodies: Body[];
  readonly completed: CompletedRequest[];
  size: number;
};

type CompletedRequest = Readonly<{ pending: Pending; decision: Decision }>;

/** The lookup failed: no delivery caused it, and nothing was written. */
class LookUpFailed extends Error {}

type LookedUp = Readonly<{ ids: readonly string[]; found: KnownEvents }>;

/** @throws LookUpFailed */
async function lookUpGroup(stream: EventStream, group: readonly Pending[]): Promise<LookedUp> {
  const ids = group.flatMap(({ request }) => request.ids());
  try {
    return { ids, found: await stream.findByIds(ids) };
  } catch (cause) {
    throw new LookUpFailed("the look-up failed", { cause });
  }
}

/**
 * Decides the requests of a group in order, each on top of the ones before it.
 *
 * @param before the preceding group, whose append may still be in progress
 * @returns null if the group has to be looked up again: a request needs other ids because of what is
 *   known, or another writer's events are in between
 */
function decideGroup(
  group: readonly Pending[],
  { ids, found }: LookedUp,
  before: DecidedGroup | null = null,
): DecidedGroup | null {
  const { head } = found;
  const isBehind = before !== null && head.position < before.position;
  if (isBehind && head.position !== before.after) return null;
  const known = knownFacts(found.known);
  if (isBehind) {
    for (const id of ids)
      for (const event of before.eventsByFact.get(id) ?? []) noteEvent(known, event);
  }
  const completed: CompletedRequest[] = [];
  for (const pending of group) {
    const decision = pending.request.decide(known);
    if (decision === null) return null;
    completed.push({ pending, decision });
  }
  const appends = planAppends(completed);
  const after = isBehind ? before.position : head.position;
  const position = appends.reduce((sum, { events }) => sum + events.length, after);
  return { after, ids, position, appends, eventsByFact: groupByFact(appends) };
}

function groupByFact(appends: readonly Append[]): ReadonlyMap<string, readonly NewEvent[]> {
  const eventsByFact = new Map<string, NewEvent[]>();
  for (const { events } of appends) {
    for (const event of events) {
      const fact = event.about ?? event.id;
      const others = eventsByFact.get(fact);
      if (others === undefined) eventsByFact.set(fact, [event]);
      else others.push(event);
    }
  }
  return eventsByFact;
}

/**
 * Plans the appends of a group. Whole deliveries share an append within its limits; each part of a
 * divided delivery gets its own. A repeat appends nothing, but is answered only after the appends
 * before it, which may contain the delivery that it repeats.
 */
function planAppends(requests: readonly CompletedRequest[]): readonly Append[] {
  const appends = [emptyAppend()];
  for (const request of requests) {
    const { body } = request.pending.request;
    const parts = request.decision.appends;
    parts.forEach((events, part) => {
      const size = sizeOf(events);
      const append = appendFor(events.length, size, parts.length > 1, appends);
      append.events.push(...events);
      append.size += size;
      if (part === 0 && body) append.bodies.push(body);
    });
    appends.at(-1)?.completed.push(request);
  }
  return appends;
}

const emptyAppend = (): Append => ({ events: [], bodies: [], completed: [], size: 0 });

/** The last append if it has room, otherwise a new one. */
function appendFor(count: number, size: number, isPart: boolean, appends: Append[]): Append {
  const last = appends.at(-1);
  const hasRoom =
    last !== undefined &&
    last.events.length + count <= APPEND_EVENTS_MAX &&
    last.size + size <= APPEND_BYTES_MAX;
  if (last && (last.events.length === 0 || (!isPart && hasRoom))) return last;
  const next = emptyAppend();
  appends.push(next);
  return next;
}

const sizeOf = (events: readonly NewEvent[]): number =>
  events.reduce((sum, event) => sum + storedSize(event), 0);

/**
 * Appends a decided group.
 *
 * @param onDurable called with the requests that became durable, each with the head position
 * @returns the head position; null after a conflict, when the remaining requests have to be decided
 *   again
 */
async function appendDecidedGroup(
  stream: EventStream,
  group: DecidedGroup,
  onDurable: (answers: readonly Answer[]) => void,
): Promise<number | null> {
  let position = group.after;
  for (const append of group.appends) {
    const { events, completed } = append;
    if (events.length > 0) {
      const result = await appendAfter(stream, position, append, group);
      if (result.outcome === "conflict") return null;
      position = result.head.position;
    }
    onDurable(completed.map(({ pending, decision }) => answerOf(pending, decision, position)));
  }
  return position;
}

/** Appends after the position; on a conflict, also after other writers' events about other facts. */
async function appendAfter(
  stream: EventStream,
  position: number,
  { events, bodies }: Append,
  group: DecidedGroup,
): Promise<AppendResult> {
  const result = await stream.append(position, events, bodies);
  if (result.outcome === "appended") return result;
  return stream.append(position, events, bodies, factsOf(group));
}

/** All facts on which the group's decisions depend, including those of its later appends. */
function factsOf({ ids, eventsByFact }: DecidedGroup): ReadonlySet<string> {
  const events = [...eventsByFact.values()].flat();
  return new Set([...ids, ...events.map(({ id }) => id)]);
}

/** A request with its receipt. */
type Answer = Readonly<{ pending: Pending; receipt: Receipt }>;

function answerOf(pending: Pending, decision: Decision, position: number): Answer {
  const { outcome, deliveryId, reason, leftOut } = decision;
  return { pending, receipt: { outcome, deliveryId, position, reason, leftOut } };
}

function acknowledge(answers: readonly Answer[]): void {
  for (const { pending, receipt } of answers) pending.resolve(receipt);
}
