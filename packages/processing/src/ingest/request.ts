import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import {
  decideDelivery,
  decidePart,
  deliveryIds,
  incompleteParts,
  type Part,
} from "@counterfoil/core/ingest/decide-delivery";
import { newEvent, providerEventId } from "@counterfoil/core/ingest/event";
import { type KnownFacts, noteEvent } from "@counterfoil/core/ingest/fact-state";
import type { FeedSession, FeedSessions } from "@counterfoil/core/ingest/feed-session";
import type { SocketOrder, Translations } from "@counterfoil/core/translate/translation";
import type { Body } from "../ports/event-stream.ts";
import type {
  Delivery,
  FeedClosing,
  FeedOpening,
  ReadLarge,
  Receipt,
  SnapshotCompletion,
} from "../ports/ingest.ts";
import {
  orderOn,
  type PreparedDelivery,
  prepareDelivery,
  preparedAs,
  socketOrder,
} from "./delivery.ts";
import { PART_FACTS, partsOf } from "./large-reading.ts";

/** Something to be appended, decided from what is known. */
export type Request = Readonly<{
  /** The ids to look up before `decide`. */
  ids: () => readonly string[];
  body: Body | null;
  /** null: the delivery has to be read differently because of what is known, and `ids` have changed. */
  decide: (known: KnownFacts) => Decision | null;
}>;

export type Decision = Readonly<{
  outcome: Receipt["outcome"];
  appends: readonly (readonly NewEvent[])[];
  deliveryId: string;
  reason: string | null;
  leftOut: number;
}>;

type Options = Readonly<{
  translations: Translations;
  hashing: Hashing;
  feedSessions: FeedSessions;
}>;

export function deliveryRequest(
  delivery: Delivery,
  { translations, hashing, feedSessions }: Options,
): Request {
  const session = delivery.place === null ? null : feedSessions.of(delivery.place.connection);
  let prepared = prepareDelivery(delivery, translations, hashing, session);
  return {
    ids: () => idsOf(prepared, hashing),
    body: { sha256: prepared.received.sha256, bytes: delivery.bytes },
    decide(known) {
      const begun = recordedBeginning(prepared.id, known, hashing);
      if (begun !== null && !isReadAs(prepared, begun)) {
        const { delivery: arrived, translation: present } = termsOf(delivery, begun);
        prepared = prepareDelivery(arrived, { ...translations, present }, hashing);
        return null;
      }
      const { id: deliveryId, reading } = prepared;
      const decision = decideDelivery(prepared, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { leftOut: 0, ...decision, deliveryId, reason };
    },
  };
}

/** A delivery, and the translation with which it is read: those of its first arrival if it was begun before. */
type ReadingTerms = Readonly<{ delivery: Delivery; translation: number }>;

/** The delivery was begun by another translation or with another arrival, and has to be completed as begun. */
class BegunDifferently extends Error {
  readonly terms: ReadingTerms;
  constructor(terms: ReadingTerms) {
    super("the delivery was begun otherwise");
    this.terms = terms;
  }
}

/** One part of a large delivery; its decision throws BegunDifferently. */
function partRequest(
  delivery: Delivery,
  prepared: PreparedDelivery,
  part: Part,
  hashing: Hashing,
): Request {
  const { id, received } = prepared;
  const reading = prepared.reading.ok
    ? { ...prepared.reading, facts: part.facts }
    : prepared.reading;
  return {
    ids: () => idsOf({ ...prepared, reading }, hashing),
    body: part.at === 0 ? { sha256: received.sha256, bytes: delivery.bytes } : null,
    decide(known) {
      const begun = part.at === 0 ? recordedBeginning(id, known, hashing) : null;
      if (begun !== null && !isReadAs(prepared, begun)) {
        throw new BegunDifferently(termsOf(delivery, begun));
      }
      const decision =
        part.parts > 1
          ? decidePart(prepared, part, known, hashing)
          : decideDelivery({ ...prepared, reading }, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { leftOut: 0, ...decision, deliveryId: id, reason };
    },
  };
}

function termsOf(delivery: Delivery, begun: Received): ReadingTerms {
  const arrived = { receivedAt: timeOf(begun.received_at), ...socketOrder(begun) };
  return { delivery: { ...delivery, ...arrived }, translation: begun.translation };
}

function idsOf(prepared: PreparedDelivery, hashing: Hashing): readonly string[] {
  const { reading } = prepared;
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  return [...deliveryIds(prepared, hashing), ...facts];
}

type Received = DataOf<"DeliveryReceived">;

/**
 * The recorded beginning of an incomplete delivery; otherwise null. It is completed with that
 * translation and arrival, so that every ingestor records the same facts.
 */
function recordedBeginning(
  deliveryId: string,
  known: KnownFacts,
  hashing: Hashing,
): Received | null {
  if (incompleteParts(deliveryId, known, hashing) === null) return null;
  return (known.states.get(deliveryId)?.data as Received | undefined) ?? null;
}

const isReadAs = ({ received }: PreparedDelivery, begun: Received): boolean =>
  received.translation === begun.translation && received.received_at === begun.received_at;

export function openingRequest({ openedAt, ...opening }: FeedOpening, hashing: Hashing): Request {
  const { connection } = opening;
  const id = eventId(["FeedOpened", connection], hashing);
  const data = { ...opening, ordered: true, opened_at: formatTime(openedAt) };
  const envelope = { id, subject: "ledger", occurredAt: openedAt };
  return feedRequest(newEvent({ type: "FeedOpened", data }, envelope, causeOf(connection)));
}

export function closingRequest({ closedAt, ...closing }: FeedClosing, hashing: Hashing): Request {
  const { connection } = closing;
  const id = eventId(["FeedClosed", connection], hashing);
  const data = { ...closing, closed_at: formatTime(closedAt) };
  const envelope = { id, subject: "ledger", occurredAt: closedAt };
  return feedRequest(newEvent({ type: "FeedClosed", data }, envelope, causeOf(connection)));
}

/** A connection may send more of its snapshot later; its snapshot is then completed again. */
export function completionRequest(data: SnapshotCompletion, hashing: Hashing): Request {
  const { connection, frames } = data;
  const id = eventId(["SnapshotCompleted", connection, String(frames)], hashing);
  const envelope = { id, subject: "ledger" };
  return feedRequest(newEvent({ type: "SnapshotCompleted", data }, envelope, causeOf(connection)));
}

const causeOf = (connection: string) => ({ deliveryId: null, correlationId: connection });

function feedRequest(event: NewEvent): Request {
  return {
    ids: () => [event.id],
    body: null,
    decide: (known) => {
      const about = { deliveryId: event.id, reason: null, leftOut: 0 };
      if (known.ids.has(event.id)) return { outcome: "repeated", appends: [], ...about };
      noteEvent(known, event);
      return { outcome: "recorded", appends: [[event]], ...about };
    },
  };
}

/**
 * Reads a large delivery and records it part by part, so that other deliveries are recorded in between.
 * A delivery that was begun differently is read again, and completed as begun.
 *
 * @param enqueue called with each part and its share of the delivery's bytes
 */
export async function recordLarge(
  terms: ReadingTerms,
  reading: LargeOptions,
  enqueue: (request: Request, size: number) => Promise<Receipt>,
): Promise<Receipt> {
  const { delivery } = terms;
  const { hashing } = reading;
  const { prepared, parts, factsOf, close } = await readLargeDelivery(terms, reading);
  try {
    const size = Math.ceil(delivery.bytes.length / parts);
    for (let [at, leftOut] = [0, 0]; ; at += 1) {
      const part = { facts: await factsOf(at), at, parts };
      const receipt = await enqueue(partRequest(delivery, prepared, part, hashing), size);
      leftOut += receipt.leftOut;
      if (at === parts - 1 || receipt.outcome !== "recorded") return { ...receipt, leftOut };
    }
  } catch (error) {
    if (!(error instanceof BegunDifferently)) throw error;
    close();
    return await recordLarge(error.terms, { ...reading, session: null }, enqueue);
  } finally {
    close();
  }
}

/** A large delivery that was read; its facts are read part by part. */
type LargeDelivery = Readonly<{
  /** The delivery without its facts. */
  prepared: PreparedDelivery;
  parts: number;
  factsOf: (part: number) => Promise<readonly ProviderFact[]>;
  close: () => void;
}>;

type LargeOptions = Readonly<{ read: ReadLarge; session: FeedSession | null; hashing: Hashing }>;

/** As `prepareDelivery`, for a large delivery. The caller closes it. */
async function readLargeDelivery(
  { delivery, translation }: ReadingTerms,
  { read, session, hashing }: LargeOptions,
): Promise<LargeDelivery> {
  const { provider, channel, payloadType, place, bytes, receivedAt, notificationId } = delivery;
  const about = { provider, channel, payloadType, place, receivedAt, notificationId, translation };
  const readWith = (order: SocketOrder | null) =>
    read({ ...about, bytes, ...(order === null ? {} : { order }) });
  let order = session === null ? (delivery.order ?? null) : null;
  let reading = await readWith(order);
  if (session !== null && place !== null && reading.summary.ok) {
    // A snapshot reports no runs.
    const facts = reading.summary.snapshot ? [] : await reading.facts(0, reading.count);
    const ordered = orderOn(session, { place, facts, receivedAt });
    order = ordered.order;
    if (ordered.unread !== null) reading = { ...reading, summary: ordered.unread, count: 0 };
    if (order !== null) {
      reading.close();
      reading = await readWith(order);
    }
  }
  const { sha256, summary, isTimeless } = reading;
  const as = { sha256, reading: summary, isTimeless, order, translation };
  return {
    prepared: preparedAs(delivery, as, hashing),
    parts: partsOf(reading),
    factsOf: (part) => reading.facts(part * PART_FACTS, (part + 1) * PART_FACTS),
    close: reading.close,
  };
}
