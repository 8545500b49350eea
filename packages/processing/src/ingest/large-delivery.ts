import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import type { FeedSession } from "@counterfoil/core/ingest/feed-session";
import type { SocketOrder, Translations } from "@counterfoil/core/translate/translation";
import type { LargeReading, LargeSource, ReadLarge, Receipt } from "../ports/ingest.ts";
import { decodeBody, isTimeless, type PreparedDelivery, preparedAs } from "./delivery.ts";
import { BegunOtherwise, partRequest, type ReadingTerms, type Request } from "./request.ts";

/** Beyond, a body is read where nobody waits for it, and what it says is recorded part by part. */
export const LARGE_BYTES = 256 * 1024;

/** Facts that are looked up and decided together: some ten milliseconds. */
export const PART_FACTS = 500;

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
  reading: Options,
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

type Options = Readonly<{ read: ReadLarge; session: FeedSession | null; hashing: Hashing }>;

/** `prepareDelivery` is the same for others. The caller closes it. */
async function readLargeDelivery(
  { delivery, translation }: ReadingTerms,
  { read, session, hashing }: Options,
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
