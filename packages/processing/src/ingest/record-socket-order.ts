import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { decideFact } from "@counterfoil/core/ingest/decide-delivery";
import { newEvent, providerEventId } from "@counterfoil/core/ingest/event";
import { knownFacts } from "@counterfoil/core/ingest/fact-state";
import { createFeedSessions, type FeedSessions } from "@counterfoil/core/ingest/feed-session";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendDecided, type Contender } from "./append-decided.ts";
import { readStored } from "./delivery.ts";

export type SocketOrderOptions = Contender &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
    signal: AbortSignal;
  }>;

const PAGE = 500;
const NO_CAUSE = { deliveryId: null, correlationId: "socket-order" };

/**
 * A ledger of the first program holds frames of feeds without what their sockets' order says. It is
 * read from the frames' bytes once more, as the feed client reads it today, and recorded as facts
 * that were seen. Done once: an event says so; begun again, it adds nothing twice.
 *
 * @returns how many runs got a place; null where there was nothing to do
 */
export async function recordSocketOrder(options: SocketOrderOptions): Promise<number | null> {
  const { stream, hashing, signal } = options;
  const [first] = await stream.read({ after: 0, limit: 1, types: ["FeedOpened"] });
  if (first === undefined || (readData(first) as DataOf<"FeedOpened">).ordered) return null;
  const id = eventId(["SocketOrderRecorded"], hashing);
  if ((await stream.findByIds([id])).known.has(id)) return null;
  const sessions = createFeedSessions();
  const end = (await stream.head()).position;
  let placed = 0;
  for (let after = 0; after < end && !signal.aborted; ) {
    const page = await stream.read({
      after,
      limit: PAGE,
      types: ["FeedOpened", "DeliveryReceived"],
    });
    if (page.length === 0) break;
    for (const event of page) placed += await takeIn(event, sessions, options);
    after = page.at(-1)?.position ?? end;
  }
  if (signal.aborted) return null;
  const data = { until: String(end) };
  const done = newEvent({ type: "SocketOrderRecorded", data }, { id, subject: "ledger" }, NO_CAUSE);
  await appendDecided(options, [id], (known) => (known.has(id) ? [] : [done]));
  return placed;
}

async function takeIn(
  event: RecordedEvent,
  sessions: FeedSessions,
  options: SocketOrderOptions,
): Promise<number> {
  if (event.type === "FeedOpened") {
    const { connection, continues } = readData(event) as DataOf<"FeedOpened">;
    sessions.opened(connection, continues);
    return 0;
  }
  const received = readData(event) as DataOf<"DeliveryReceived">;
  const { connection, frame, received_at } = received;
  const session = connection === undefined ? null : sessions.of(connection);
  if (session === null || connection === undefined || frame === undefined) return 0;
  const reading = await readStored(event, options.translations.present, options);
  if (!reading?.ok) return 0;
  const stated = { place: { connection, frame }, facts: reading.facts };
  const order = session.orderOf({ ...stated, receivedAt: timeOf(received_at) });
  const report = reading.facts.find(({ type }) => type === "BalanceReported");
  if (order === null || report === undefined) return 0;
  const ordered = await readStored(event, options.translations.present, { ...options, order });
  const placed = ordered?.ok ? ordered.facts.find(({ type }) => type === "BalanceReported") : null;
  return placed ? recordPlace(placed, received_at, options) : 0;
}

async function recordPlace(
  fact: ProviderFact,
  receivedAt: string,
  options: SocketOrderOptions,
): Promise<number> {
  const { hashing } = options;
  const id = providerEventId(fact, hashing);
  const events = await appendDecided(options, [id], (found) => {
    const known = knownFacts(found);
    const cause = { ...NO_CAUSE, receivedAt };
    // Only what its place adds: what else a copy says was decided when it came.
    return known.ids.has(id) ? decideFact(fact, known, cause, hashing).filter(isSeen) : [];
  });
  return events.length;
}

const isSeen = ({ type }: NewEvent): boolean => type === "FactSeen";
