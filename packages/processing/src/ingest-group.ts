import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  storedSize,
} from "@counterfoil/core/ingest/cut-appends";
import { knownFacts, noteEvent } from "@counterfoil/core/ingest/known-facts";
import type { Decision, Request } from "./ingest-request.ts";
import type { Body, EventStream, KnownEvents } from "./ports/event-stream.ts";
import type { Receipt } from "./ports/ingest.ts";

/** A request, and what to tell whoever waits for it. */
export type Waiting = Readonly<{
  request: Request;
  resolve: (receipt: Receipt) => void;
  reject: (error: unknown) => void;
}>;

/** What becomes of a group where the stream is at `after` when it is appended. */
export type DecidedGroup = Readonly<{
  after: number;
  /** Where the stream is then. */
  position: number;
  appends: readonly Append[];
  /** Its events by the fact that each is, or is about. */
  stated: ReadonlyMap<string, readonly NewEvent[]>;
}>;

/** One append, and the requests that are durable with it. */
export type Append = {
  readonly events: NewEvent[];
  readonly bodies: Body[];
  readonly ends: End[];
  size: number;
};

type End = Readonly<{ waiting: Waiting; decision: Decision }>;

/** The stream could not say what is known: no delivery's fault, and nothing was written. */
export class LookUpFailed extends Error {}

type Asked = Readonly<{ ids: readonly string[]; found: KnownEvents }>;

/** @throws LookUpFailed */
export async function lookUpGroup(stream: EventStream, group: readonly Waiting[]): Promise<Asked> {
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
export function decideGroup(
  group: readonly Waiting[],
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
  for (const waiting of group) {
    const decision = waiting.request.decide(known);
    if (decision === null) return null;
    ends.push({ waiting, decision });
  }
  const appends = planAppends(ends);
  const after = isBehind ? before.position : head.position;
  const stated = new Map<string, NewEvent[]>();
  let position = after;
  for (const { events } of appends) {
    position += events.length;
    for (const event of events) {
      const fact = event.about ?? event.id;
      const others = stated.get(fact);
      if (others === undefined) stated.set(fact, [event]);
      else others.push(event);
    }
  }
  return { after, position, appends, stated };
}

/**
 * Appends what was decided.
 *
 * @param onDurable told of the requests that became durable, and of the head by then
 * @returns `conflict` where another writer came first: who was not told of is to be decided again
 */
export async function appendDecided(
  stream: EventStream,
  { after, appends }: DecidedGroup,
  onDurable: (answers: readonly Answer[]) => void,
): Promise<"appended" | "conflict"> {
  let position = after;
  for (const { events, bodies, ends } of appends) {
    if (events.length > 0) {
      const result = await stream.append(position, events, bodies);
      if (result.outcome === "conflict") return "conflict";
      position = result.head.position;
    }
    onDurable(ends.map(({ waiting, decision }) => answerOf(waiting, decision, position)));
  }
  return "appended";
}

/** Who is to be told what. */
export type Answer = Readonly<{ waiting: Waiting; receipt: Receipt }>;

function answerOf(waiting: Waiting, decision: Decision, position: number): Answer {
  const { outcome, deliveryId, reason } = decision;
  return { waiting, receipt: { outcome, deliveryId, position, reason } };
}

export function tell(answers: readonly Answer[]): void {
  for (const { waiting, receipt } of answers) waiting.resolve(receipt);
}

const emptyAppend = (): Append => ({ events: [], bodies: [], ends: [], size: 0 });

/**
 * Whole deliveries share an append within its bounds; one that is divided takes its own, part by
 * part. A repeat appends nothing, yet it ends with the appends before it: what it repeats may be
 * among them.
 */
function planAppends(ends: readonly End[]): readonly Append[] {
  const appends = [emptyAppend()];
  for (const end of ends) {
    const { body } = end.waiting.request;
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
