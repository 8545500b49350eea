import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  storedSize,
} from "@counterfoil/core/ingest/cut-appends";
import { knownFacts } from "@counterfoil/core/ingest/known-facts";
import type { Decision, Request } from "./ingest-request.ts";
import type { Body, EventStream } from "./ports/event-stream.ts";
import type { Receipt } from "./ports/ingest.ts";

/** A request, and what to tell whoever waits for it. */
export type Waiting = Readonly<{
  request: Request;
  resolve: (receipt: Receipt) => void;
  reject: (error: unknown) => void;
}>;

/** The stream could not say what is known: no delivery's fault, and nothing was written. */
class LookUpFailed extends Error {}

/**
 * Appends a group and answers each of it. After an error each goes alone, so that one delivery
 * which cannot be appended does not fail its neighbours.
 */
export async function appendGroup(stream: EventStream, group: readonly Waiting[]): Promise<void> {
  const left = [...group];
  let isTogether = true;
  while (left.length > 0) {
    try {
      await appendTogether(stream, left, isTogether ? left.length : 1);
    } catch (error) {
      if (error instanceof LookUpFailed) return rejectAll(left, error.cause);
      if (!isTogether || left.length === 1) left.shift()?.reject(error);
      isTogether = false;
    }
  }
}

function rejectAll(group: readonly Waiting[], error: unknown): void {
  for (const { reject } of group) reject(error);
}

/**
 * Looks up, decides and appends the first `count`, and takes them off the list one by one as they
 * become durable. On a conflict what is left is looked up and decided again.
 */
async function appendTogether(stream: EventStream, left: Waiting[], count: number): Promise<void> {
  for (let toDo = count; toDo > 0; ) {
    const requests = left.slice(0, toDo).map(({ request }) => request);
    const ids = requests.flatMap((request) => request.ids());
    const { head, known: found } = await lookUp(stream, ids);
    const known = knownFacts(found);
    const decisions = requests.map((request) => request.decide(known));
    if (!decisions.every((decision) => decision !== null)) continue;
    let { position } = head;
    for (const { events, bodies, ends } of planAppends(decisions, requests)) {
      if (events.length > 0) {
        const result = await stream.append(position, events, bodies);
        if (result.outcome === "conflict") break;
        position = result.head.position;
      }
      toDo -= ends.length;
      for (const { outcome, deliveryId, reason } of ends) {
        left.shift()?.resolve({ outcome, deliveryId, position, reason });
      }
    }
  }
}

async function lookUp(stream: EventStream, ids: readonly string[]) {
  try {
    return await stream.lookUp(ids);
  } catch (cause) {
    throw new LookUpFailed("the look-up failed", { cause });
  }
}

/** One append, and the decisions that are durable with it. */
type Append = {
  readonly events: NewEvent[];
  readonly bodies: Body[];
  readonly ends: Decision[];
  size: number;
};

const emptyAppend = (): Append => ({ events: [], bodies: [], ends: [], size: 0 });

/**
 * Whole deliveries share an append within its bounds; one that is divided takes its own, part by
 * part. A repeat appends nothing, yet it ends with the appends before it: what it repeats may be
 * among them.
 */
function planAppends(
  decisions: readonly Decision[],
  requests: readonly Request[],
): readonly Append[] {
  const appends = [emptyAppend()];
  decisions.forEach((decision, at) => {
    const body = requests[at]?.body;
    decision.appends.forEach((events, part) => {
      const append = appendFor(events, decision, appends);
      append.events.push(...events);
      append.size += sizeOf(events);
      if (part === 0 && body) append.bodies.push(body);
    });
    appends.at(-1)?.ends.push(decision);
  });
  return appends;
}

/** The last append where it has room, else a new one. */
function appendFor(
  events: readonly NewEvent[],
  { appends: parts }: Decision,
  appends: Append[],
): Append {
  const last = appends.at(-1);
  const isEmpty = last?.events.length === 0;
  if (last && (isEmpty || (parts.length === 1 && hasRoom(last, events)))) return last;
  const next = emptyAppend();
  appends.push(next);
  return next;
}

const hasRoom = (append: Append, events: readonly NewEvent[]): boolean =>
  append.events.length + events.length <= APPEND_EVENTS_MAX &&
  append.size + sizeOf(events) <= APPEND_BYTES_MAX;

const sizeOf = (events: readonly NewEvent[]): number =>
  events.reduce((sum, event) => sum + storedSize(event), 0);
