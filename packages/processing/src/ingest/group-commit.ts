import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { APPEND_BYTES_MAX, APPEND_EVENTS_MAX, storedSize } from "@counterfoil/core/ingest/event";
import { knownFacts, noteEvent } from "@counterfoil/core/ingest/fact-state";
import type { Clock } from "../ports/clock.ts";
import type { AppendResult, Body, EventStream, KnownEvents } from "../ports/event-stream.ts";
import type { Receipt } from "../ports/ingest.ts";
import type { Decision, Request } from "./request.ts";

/**
 * Group commit: requests that are pending together become one group, which is looked up, decided
 * and appended as a whole. While one group is appended, the next is looked up and decided on top of
 * it. A group that fails is tried again one request at a time, so that no delivery fails others.
 */

/** A request, and how whoever waits for it is answered. */
export type Pending = Readonly<{
  request: Request;
  resolve: (receipt: Receipt) => void;
  reject: (error: unknown) => void;
}>;

type PendingQueue = Readonly<{
  /** The next group; empty where nothing is pending. */
  takeGroup: () => readonly Pending[];
  /** The stream is away: for all that is pending. */
  rejectAll: (error: unknown) => void;
}>;

type Context = Readonly<{ stream: EventStream; clock: Clock; queue: PendingQueue }>;

/** `decided` is null where the group is to be looked up again, by itself. */
type NextGroup = Readonly<{ group: readonly Pending[]; decided: DecidedGroup | null }>;

const NO_GROUP: NextGroup = { group: [], decided: null };

/** Appends group after group until nothing is pending; each request is answered. */
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

/** Looks the next group up and decides it, on top of one whose append may still be under way. */
async function prepareGroup(context: Context, before: DecidedGroup | null): Promise<NextGroup> {
  const { stream, queue } = context;
  const group = queue.takeGroup();
  if (group.length === 0) return NO_GROUP;
  try {
    return { group, decided: decideGroup(group, await lookUpGroup(stream, group), before) };
  } catch (error) {
    if (!(error instanceof LookUpFailed)) return { group, decided: null };
    for (const { reject } of group) reject(error.cause);
    queue.rejectAll(error.cause);
    return NO_GROUP;
  }
}

/**
 * Appends a group, and decides the next one meanwhile. What was decided on top of it counts only
 * where it is durable as a whole, and stands where it was to stand.
 */
async function commitAndPrepare(
  context: Context,
  group: readonly Pending[],
  decided: DecidedGroup,
): Promise<NextGroup> {
  const { stream, clock } = context;
  // Its look-up goes ahead of the append, which would hold it up.
  const following = prepareGroup(context, decided);
  const unanswered = new Set(group);
  const appending = appendDecidedGroup(stream, decided, (answers) => {
    for (const { pending } of answers) unanswered.delete(pending);
    // To answer takes time in which the disk could be at work: the next append comes first.
    void clock.nextTurn().then(() => acknowledge(answers));
  });
  // If the append failed, each delivery alone finds out whether it was to blame.
  const end = await appending.catch(() => "failed" as const);
  if (unanswered.size > 0) await commitAlone(context, [...unanswered], end === "failed");
  const next = await following;
  return end === decided.position ? next : { group: next.group, decided: null };
}

async function commitAlone(
  { stream, queue }: Context,
  group: readonly Pending[],
  hasFailed = false,
): Promise<void> {
  try {
    await appendGroup(stream, group, hasFailed);
  } catch (error) {
    if (!(error instanceof LookUpFailed)) throw error;
    queue.rejectAll(error.cause);
  }
}

/**
 * Appends a group and answers each of it. After an error each goes alone, so that one delivery
 * which cannot be appended does not fail its neighbours.
 *
 * @param hasFailed an error has been met already
 * @throws LookUpFailed for whoever is left unanswered
 */
async function appendGroup(
  stream: EventStream,
  group: readonly Pending[],
  hasFailed: boolean,
): Promise<void> {
  const unanswered = new Set(group);
  let isTogether = !hasFailed;
  while (unanswered.size > 0) {
    const chosen = [...unanswered].slice(0, isTogether ? unanswered.size : 1);
    try {
      await appendTogether(stream, chosen, unanswered);
    } catch (error) {
      if (error instanceof LookUpFailed) {
        for (const { reject } of unanswered) reject(error.cause);
        throw error;
      }
      if (!isTogether || unanswered.size === 1) rejectFirst(unanswered, error);
      isTogether = false;
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
 * Looks up, decides and appends those chosen, and takes them off the unanswered as they become
 * durable. On a conflict the others of them are looked up and decided again.
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

/** What becomes of a group where the stream is at `after` when it is appended. */
type DecidedGroup = Readonly<{
  after: number;
  /** Of all that was looked up for it. */
  ids: readonly string[];
  /** Where the stream is then. */
  position: number;
  appends: readonly Append[];
  /** Its events by the fact that each is, or is about. */
  stated: ReadonlyMap<string, readonly NewEvent[]>;
}>;

/** One append, and the requests that are durable with it. */
type Append = {
  readonly events: NewEvent[];
  readonly bodies: Body[];
  readonly ends: End[];
  size: number;
};

type End = Readonly<{ pending: Pending; decision: Decision }>;

/** The stream could not say what is known: no delivery's fault, and nothing was written. */
class LookUpFailed extends Error {}

type Asked = Readonly<{ ids: readonly string[]; found: KnownEvents }>;

/** @throws LookUpFailed */
async function lookUpGroup(stream: EventStream, group: readonly Pending[]): Promise<Asked> {
  const ids = group.flatMap(({ request }) => request.ids());
  try {
    return { ids, found: await stream.findByIds(ids) };
  } catch (cause) {
    throw new LookUpFailed("the look-up failed", { cause });
  }
}

/**
 * Decides a group, one request after the other: each knows what those before it bring.
 *
 * @param before a group whose append may still be under way, and which this one follows
 * @returns null where what is known makes a request ask for other ids, or where somebody else's
 *   events are between: it is to be looked up anew
 */
function decideGroup(
  group: readonly Pending[],
  { ids, found }: Asked,
  before: DecidedGroup | null = null,
): DecidedGroup | null {
  const { head } = found;
  const isBehind = before !== null && head.position < before.position;
  if (isBehind && head.position !== before.after) return null;
  const known = knownFacts(found.known);
  if (isBehind) {
    for (const id of ids) for (const event of before.stated.get(id) ?? []) noteEvent(known, event);
  }
  const ends: End[] = [];
  for (const pending of group) {
    const decision = pending.request.decide(known);
    if (decision === null) return null;
    ends.push({ pending, decision });
  }
  const appends = planAppends(ends);
  const after = isBehind ? before.position : head.position;
  const position = appends.reduce((sum, { events }) => sum + events.length, after);
  return { after, ids, position, appends, stated: byFact(appends) };
}

function byFact(appends: readonly Append[]): ReadonlyMap<string, readonly NewEvent[]> {
  const stated = new Map<string, NewEvent[]>();
  for (const { events } of appends) {
    for (const event of events) {
      const fact = event.about ?? event.id;
      const others = stated.get(fact);
      if (others === undefined) stated.set(fact, [event]);
      else others.push(event);
    }
  }
  return stated;
}

/**
 * Whole deliveries share an append within its bounds; one that is divided takes its own, part by
 * part. A repeat appends nothing, yet it ends with the appends before it: what it repeats may be
 * among them.
 */
function planAppends(ends: readonly End[]): readonly Append[] {
  const appends = [emptyAppend()];
  for (const end of ends) {
    const { body } = end.pending.request;
    const parts = end.decision.appends;
    parts.forEach((events, part) => {
      const size = sizeOf(events);
      const append = appendFor(events.length, size, parts.length > 1, appends);
      append.events.push(...events);
      append.size += size;
      if (part === 0 && body) append.bodies.push(body);
    });
    appends.at(-1)?.ends.push(end);
  }
  return appends;
}

const emptyAppend = (): Append => ({ events: [], bodies: [], ends: [], size: 0 });

/** The last append where it has room, else a new one. */
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
 * Appends what was decided.
 *
 * @param onDurable is given the requests that became durable, each with the head by then
 * @returns where the stream is then; null where another writer came first: the others are to be
 *   decided again
 */
async function appendDecidedGroup(
  stream: EventStream,
  group: DecidedGroup,
  onDurable: (answers: readonly Answer[]) => void,
): Promise<number | null> {
  let position = group.after;
  for (const append of group.appends) {
    const { events, ends } = append;
    if (events.length > 0) {
      const result = await appendBehind(stream, position, append, group);
      if (result.outcome === "conflict") return null;
      position = result.head.position;
    }
    onDurable(ends.map(({ pending, decision }) => answerOf(pending, decision, position)));
  }
  return position;
}

/** Behind the position, or also behind what others, who never pause, put there about other facts. */
async function appendBehind(
  stream: EventStream,
  position: number,
  { events, bodies }: Append,
  group: DecidedGroup,
): Promise<AppendResult> {
  const result = await stream.append(position, events, bodies);
  if (result.outcome === "appended") return result;
  return stream.append(position, events, bodies, factsOf(group));
}

/** With them the decisions stand or fall, also those for appends that come later. */
function factsOf({ ids, stated }: DecidedGroup): ReadonlySet<string> {
  const events = [...stated.values()].flat();
  return new Set([...ids, ...events.map(({ id }) => id)]);
}

/** Who is answered what. */
type Answer = Readonly<{ pending: Pending; receipt: Receipt }>;

function answerOf(pending: Pending, decision: Decision, position: number): Answer {
  const { outcome, deliveryId, reason } = decision;
  return { pending, receipt: { outcome, deliveryId, position, reason } };
}

function acknowledge(answers: readonly Answer[]): void {
  for (const { pending, receipt } of answers) pending.resolve(receipt);
}
