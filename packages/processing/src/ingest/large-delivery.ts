import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { decideDelivery, decidePart, type Part } from "@counterfoil/core/ingest/decide-delivery";
import type { FeedSession } from "@counterfoil/core/ingest/feed-session";
import type { SocketOrder } from "@counterfoil/core/translate/translation";
import type { Delivery, ReadLarge, Receipt } from "../ports/ingest.ts";
import { orderOn, type PreparedDelivery, preparedAs } from "./delivery.ts";
import { PART_FACTS, partsOf } from "./large-reading.ts";
import { begunDifferently, idsOf, type ReadingTerms, type Request } from "./request.ts";

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

type LargeOptions = Readonly<{ read: ReadLarge; session: FeedSession | null; hashing: Hashing }>;

/** A large delivery that was read; its facts are read part by part. */
type LargeDelivery = Readonly<{
  /** The delivery without its facts. */
  prepared: PreparedDelivery;
  parts: number;
  factsOf: (part: number) => Promise<readonly ProviderFact[]>;
  close: () => void;
}>;

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
      const terms = part.at === 0 ? begunDifferently(delivery, prepared, known, hashing) : null;
      if (terms !== null) throw new BegunDifferently(terms);
      const decision =
        part.parts > 1
          ? decidePart(prepared, part, known, hashing)
          : decideDelivery({ ...prepared, reading }, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { leftOut: 0, ...decision, deliveryId: id, reason };
    },
  };
}
