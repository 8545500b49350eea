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
  LargeReading,
  LargeSource,
  ReadLarge,
  Receipt,
  SnapshotCompletion,
} from "../ports/ingest.ts";
import {
  decodeBody,
  isTimeless,
  type PreparedDelivery,
  prepareDelivery,
  preparedAs,
  socketOrder,
} from "./delivery.ts";

/** What is to be appended, given what is known. */
export type Request = Readonly<{
  /** Ids that a look-up must answer before `decide` can decide. */
  ids: () => readonly string[];
  body: Body | null;
  /** null: what is known makes it read the delivery otherwise; `ids` are others now. */
  decide: (known: KnownFacts) => Decision | null;
}>;

export type Decision = Readonly<{
  outcome: Receipt["outcome"];
  appends: readonly (readonly NewEvent[])[];
  deliveryId: string;
  reason: string | null;
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
      const begun = begunAs(prepared.id, known, hashing);
      if (begun !== null && !isReadAs(prepared, begun)) {
        const { delivery: arrived, translation: present } = termsOf(delivery, begun);
        prepared = prepareDelivery(arrived, { ...translations, present }, hashing);
        return null;
      }
      const { id: deliveryId, reading } = prepared;
      const decision = decideDelivery(prepared, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { ...decision, deliveryId, reason };
    },
  };
}

/** How a delivery is to be read: as its arrival says, or as it was begun. */
type ReadingTerms = Readonly<{ delivery: Delivery; translation: number }>;

/** The delivery was begun by another translation or with another arrival: so it is completed. */
class BegunOtherwise extends Error {
  readonly terms: ReadingTerms;
  constructor(terms: ReadingTerms) {
    super("the delivery was begun otherwise");
    this.terms = terms;
  }
}

/** One part of a large delivery; its decision throws BegunOtherwise. */
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
      const begun = part.at === 0 ? begunAs(id, known, hashing) : null;
      if (begun !== null && !isReadAs(prepared, begun)) {
        throw new BegunOtherwise(termsOf(delivery, begun));
      }
      const decision =
        part.parts > 1
          ? decidePart(prepared, part, known, hashing)
          : decideDelivery({ ...prepared, reading }, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { ...decision, deliveryId: id, reason };
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
 * An incomplete delivery is completed as it was begun, by that translation and with that
 * arrival, so that every ingestor records the same facts.
 */
function begunAs(deliveryId: string, known: KnownFacts, hashing: Hashing): Received | null {
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

/** A connection may send more of its snapshot later: then it is complete once more. */
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
      const about = { deliveryId: event.id, reason: null };
      if (known.ids.has(event.id)) return { outcome: "repeated", appends: [], ...about };
      noteEvent(known, event);
      return { outcome: "recorded", appends: [[event]], ...about };
    },
  };
}

/** Beyond, a body is read where nobody waits for it, and what it says is recorded part by part. */
export const LARGE_BYTES = 256 * 1024;

/** Facts that are looked up and decided together: some ten milliseconds. */
const PART_FACTS = 500;

/** Reads a large body in one go: what a thread does, and who has none. */
export function readWhole(
  { bytes, ...source }: LargeSource,
  { translations, hashing }: Readonly<{ translations: Translations; hashing: Hashing }>,
): LargeReading {
  const translate = translations.versions[source.translation];
  if (translate === undefined) throw new Error(`there is no translation ${source.translation}`);
  const reading = translate({ ...source, text: decodeBody(bytes) }, hashing);
  const facts = reading.ok ? reading.facts : [];
  return {
    sha256: hashing.sha256(bytes),
    said: reading.ok ? { ...reading, facts: [] } : reading,
    count: facts.length,
    isTimeless: isTimeless(reading),
    facts: async (from, upTo) => facts.slice(from, upTo),
    close: () => {},
  };
}

/**
 * Reads a large delivery and records it part by part: what comes meanwhile passes between them. One
 * that was begun otherwise is read again, and completed as it was begun.
 *
 * @param enqueue a part is as large as its share of the bytes
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
    for (let at = 0; ; at += 1) {
      const part = { facts: await factsOf(at), at, parts };
      const receipt = await enqueue(partRequest(delivery, prepared, part, hashing), size);
      if (at === parts - 1 || receipt.outcome !== "recorded") return receipt;
    }
  } catch (error) {
    if (!(error instanceof BegunOtherwise)) throw error;
    close();
    return await recordLarge(error.terms, { ...reading, session: null }, enqueue);
  } finally {
    close();
  }
}

/** A large delivery that was read; its facts come part by part. */
type LargeDelivery = Readonly<{
  /** All but its facts. */
  prepared: PreparedDelivery;
  parts: number;
  factsOf: (part: number) => Promise<readonly ProviderFact[]>;
  close: () => void;
}>;

type LargeOptions = Readonly<{ read: ReadLarge; session: FeedSession | null; hashing: Hashing }>;

/** `prepareDelivery` is the same for others. The caller closes it. */
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
  if (session !== null && place !== null && reading.said.ok) {
    // A snapshot states no run.
    const facts = reading.said.snapshot ? [] : await reading.facts(0, reading.count);
    order = session.orderOf({ place, facts, receivedAt });
    if (order !== null) {
      reading.close();
      reading = await readWith(order);
    }
  }
  const { sha256, said, count, isTimeless } = reading;
  const as = { sha256, reading: said, isTimeless, order, translation };
  return {
    prepared: preparedAs(delivery, as, hashing),
    parts: Math.max(1, Math.ceil(count / PART_FACTS)),
    factsOf: (part) => reading.facts(part * PART_FACTS, (part + 1) * PART_FACTS),
    close: reading.close,
  };
}
