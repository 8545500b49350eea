import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { decideDelivery, deliveryIds } from "@counterfoil/core/ingest/decide-delivery";
import { newEvent, providerEventId } from "@counterfoil/core/ingest/event";
import { type KnownFacts, knownFacts } from "@counterfoil/core/ingest/known-facts";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Clock } from "./ports/clock.ts";
import { StreamUnavailable } from "./ports/errors.ts";
import type { Body, EventStream, LookUp } from "./ports/event-stream.ts";
import {
  type Delivery,
  type FeedClosing,
  type FeedOpening,
  type Ingest,
  Overloaded,
  type Receipt,
} from "./ports/ingest.ts";
import { type PreparedDelivery, prepareDelivery } from "./prepare-delivery.ts";

export type IngestOptions = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  clock: Clock;
  /** Bytes of deliveries that may wait; beyond, `submit` throws Overloaded. */
  waitingBytesMax?: number;
}>;

const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** Bounds of one group: enough to share a disk flush, small enough that nobody waits long for it. */
const GROUP_SIZE_MAX = 256;
const GROUP_BYTES_MAX = 512 * 1024;

/** A request that waits for its append: what to look up, and what to append given the answer. */
type Request = Readonly<{
  size: number;
  ids: readonly string[];
  body: Body | null;
  decide: (known: KnownFacts) => Decision;
  resolve: (receipt: Receipt) => void;
  reject: (error: unknown) => void;
}>;

type Decision = Readonly<{
  outcome: Receipt["outcome"];
  appends: readonly (readonly NewEvent[])[];
  deliveryId: string;
  reason: string | null;
}>;

/**
 * The ingestor's heart: deliveries that arrive together are looked up, decided and appended
 * together (group commit), and each is acknowledged after the append is durable. Exactly once is
 * arbitrated by the stream: on conflict the batch is looked up and decided again.
 */
export function createIngest(options: IngestOptions): Ingest {
  const { stream, hashing, clock } = options;
  const waiting: Request[] = [];
  let waitingBytes = 0;
  let running: Promise<void> | null = null;
  let stopped = false;

  function enqueue(request: Omit<Request, "resolve" | "reject">): Promise<Receipt> {
    if (stopped) return Promise.reject(new StreamUnavailable("the ingestor is stopping"));
    // One of any size is taken where nothing waits: whatever the receiver lets in can be appended.
    const isTooMuch = waitingBytes + request.size > (options.waitingBytesMax ?? WAITING_BYTES_MAX);
    if (isTooMuch && waitingBytes > 0) {
      return Promise.reject(new Overloaded(`${waitingBytes} bytes of deliveries wait already`));
    }
    return new Promise((resolve, reject) => {
      waiting.push({ ...request, resolve, reject });
      waitingBytes += request.size;
      running ??= run();
    });
  }

  async function run(): Promise<void> {
    // Requests whose bytes are in already join the first group.
    await clock.nextTurn();
    while (waiting.length > 0) {
      const group = takeGroup();
      await appendGroup(group);
      for (const { size } of group) waitingBytes -= size;
      await clock.nextTurn();
    }
    running = null;
  }

  function takeGroup(): Request[] {
    let bytes = 0;
    let count = 0;
    for (const { size } of waiting) {
      if (count > 0 && (count >= GROUP_SIZE_MAX || bytes + size > GROUP_BYTES_MAX)) break;
      bytes += size;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  /** One delivery's failure must not fail its neighbours: after an error each goes alone. */
  async function appendGroup(group: readonly Request[]): Promise<void> {
    try {
      const receipts = await appendTogether(stream, group);
      group.forEach((request, at) => {
        request.resolve(receipts[at] as Receipt);
      });
    } catch (error) {
      const [only] = group;
      if (group.length === 1) only?.reject(error);
      else for (const request of group) await appendGroup([request]);
    }
  }

  return {
    submit: (delivery: Delivery) => enqueue(deliveryRequest(delivery, options)),
    feedOpened: async (opening) => void (await enqueue(openingRequest(opening, hashing))),
    feedClosed: async (closing) => void (await enqueue(closingRequest(closing, hashing))),
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

async function appendTogether(
  stream: EventStream,
  group: readonly Request[],
): Promise<readonly Receipt[]> {
  const ids = group.flatMap((request) => request.ids);
  for (;;) {
    const lookUp = await stream.lookUp(ids);
    const known = knownFacts(lookUp.known);
    const decisions = group.map((request) => request.decide(known));
    const bodies = group.flatMap(({ body }, at) =>
      body !== null && decisions[at]?.appends.length ? [body] : [],
    );
    const position = await appendAll(stream, lookUp, joinAppends(decisions), bodies);
    if (position === null) continue;
    return decisions.map(({ outcome, deliveryId, reason }) => ({
      outcome,
      deliveryId,
      position,
      reason,
    }));
  }
}

/** Whole deliveries share an append; one that is divided takes its own, part by part. */
function joinAppends(decisions: readonly Decision[]): NewEvent[][] {
  const appends: NewEvent[][] = [];
  let joinable: NewEvent[] | null = null;
  for (const decision of decisions) {
    for (const events of decision.appends) {
      if (decision.appends.length === 1 && joinable !== null) joinable.push(...events);
      else appends.push([...events]);
      joinable = decision.appends.length === 1 ? (appends.at(-1) ?? null) : null;
    }
  }
  return appends;
}

/** @returns the head after the last append; null on a conflict, after which all is decided anew. */
async function appendAll(
  stream: EventStream,
  { head }: LookUp,
  appends: readonly NewEvent[][],
  bodies: readonly Body[],
): Promise<number | null> {
  let { position } = head;
  let unwritten = bodies;
  for (const events of appends) {
    const result = await stream.append(position, events, unwritten);
    if (result.outcome === "conflict") return null;
    position = result.head.position;
    unwritten = [];
  }
  return position;
}

type Unqueued = Omit<Request, "resolve" | "reject">;

function deliveryRequest(delivery: Delivery, options: IngestOptions): Unqueued {
  const { hashing, translations } = options;
  const prepared = prepareDelivery(delivery, translations, hashing);
  const { reading } = prepared;
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  return {
    size: delivery.bytes.length + 1024,
    ids: [...deliveryIds(prepared.id, hashing), ...facts],
    body: { sha256: prepared.received.sha256, bytes: delivery.bytes },
    decide: (known) => decide(prepared, delivery, known, options),
  };
}

function decide(
  prepared: PreparedDelivery,
  delivery: Delivery,
  known: KnownFacts,
  { translations, hashing }: IngestOptions,
): Decision {
  // A delivery that was begun under another translation is completed under that one.
  const begun = known.states.get(prepared.id)?.data.translation;
  const read =
    typeof begun === "number" && begun !== translations.present
      ? prepareDelivery(delivery, { ...translations, present: begun }, hashing)
      : prepared;
  const { outcome, appends } = decideDelivery(read, known, hashing);
  const reason = read.reading.ok ? null : read.reading.reason;
  return { outcome, appends, deliveryId: prepared.id, reason };
}

function openingRequest({ openedAt, ...opening }: FeedOpening, hashing: Hashing): Unqueued {
  const id = eventId(["FeedOpened", opening.connection], hashing);
  const fact = {
    type: "FeedOpened",
    data: { ...opening, opened_at: formatTime(openedAt) },
  } as const;
  return feedRequest(
    newEvent(fact, { id, subject: "ledger", occurredAt: openedAt }, causeOfFeed(opening)),
  );
}

function closingRequest({ closedAt, ...closing }: FeedClosing, hashing: Hashing): Unqueued {
  const id = eventId(["FeedClosed", closing.connection], hashing);
  const fact = {
    type: "FeedClosed",
    data: { ...closing, closed_at: formatTime(closedAt) },
  } as const;
  return feedRequest(
    newEvent(fact, { id, subject: "ledger", occurredAt: closedAt }, causeOfFeed(closing)),
  );
}

const causeOfFeed = ({ connection }: Readonly<{ connection: string }>) => ({
  deliveryId: null,
  correlationId: connection,
});

function feedRequest(event: NewEvent): Unqueued {
  return {
    size: event.data.length,
    ids: [event.id],
    body: null,
    decide: (known) => ({
      outcome: known.ids.has(event.id) ? "repeated" : "recorded",
      appends: known.ids.has(event.id) ? [] : [[event]],
      deliveryId: event.id,
      reason: null,
    }),
  };
}
