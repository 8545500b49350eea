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
import type { SocketOrder, Translations } from "@counterfoil/core/translate/translation";
import type { Clock } from "../ports/clock.ts";
import { isEngineError, LedgerMismatch } from "../ports/errors.ts";
import { type EventStream, readAll, waitForMore } from "../ports/event-stream.ts";
import type { Delivery, Ingest, ReadLarge } from "../ports/ingest.ts";
import { appendDecided, type ConcurrentWriter } from "./append-decided.ts";
import { storedDelivery } from "./delivery.ts";
import { readStored } from "./large-reading.ts";

/** A ledger's name and environment from `LedgerOpened`. A test ledger must never be taken for a production one. */
export type LedgerNames = Readonly<{ name: string; environment: string }>;

/**
 * Makes sure that the stream begins with `LedgerOpened` of these names. The first ingestor appends
 * it; all others read and compare it.
 *
 * @throws LedgerMismatch if the stream belongs to another ledger, environment or format
 */
export async function openLedger(
  stream: EventStream,
  names: LedgerNames,
  hashing: Hashing,
): Promise<void> {
  const { name, environment } = names;
  const data = { name, format: 1, environment } as const;
  const event = newEvent(
    { type: "LedgerOpened", data },
    { id: eventId(["LedgerOpened", name], hashing), subject: "ledger" },
    { deliveryId: null, correlationId: null },
  );
  const result = await stream.append(0, [event]);
  if (result.outcome === "conflict") checkFirst(await firstEvent(stream), names);
}

/**
 * Waits until an ingestor has opened the ledger. Every other role does this at start.
 *
 * @throws LedgerMismatch as `openLedger` does
 */
export async function waitForLedger(
  stream: EventStream,
  names: LedgerNames,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const first = await firstEvent(stream);
    if (first !== undefined) return checkFirst(first, names);
    await waitForMore({ stream, clock }, 0, signal);
  }
}

async function firstEvent(stream: EventStream): Promise<RecordedEvent | undefined> {
  return (await stream.read({ after: 0, limit: 1 }))[0];
}

function checkFirst(first: RecordedEvent | undefined, { name, environment }: LedgerNames): void {
  const isOpening = first?.type === "LedgerOpened";
  const data = isOpening ? (readData(first) as DataOf<"LedgerOpened">) : null;
  if (data?.name !== name || data.format !== 1) {
    const found = data === null ? first?.type : `ledger "${data.name}", format ${data.format}`;
    throw new LedgerMismatch(
      `position 1 holds ${found}, expected ledger "${name}", format 1: point the configuration at its own data`,
    );
  }
  if (data.environment === environment) return;
  throw new LedgerMismatch(
    `ledger "${name}" was opened for the environment "${data.environment}", expected "${environment}" (COUNTERFOIL_ENVIRONMENT): what a ledger holds never moves to another environment, so begin an empty one (another data directory or database, or another COUNTERFOIL_LEDGER), or set COUNTERFOIL_ENVIRONMENT=${data.environment} to go on with this one`,
  );
}

type IncompleteDelivery = Readonly<{
  deliveryId: string;
  /** `gone`: the body was erased, so the missing facts are lost; `failed`: see the error. */
  outcome: "completed" | "gone" | "failed";
  error: unknown;
}>;

type FinishDeliveriesOptions = Readonly<{
  stream: EventStream;
  ingest: Pick<Ingest, "submit">;
  signal?: AbortSignal;
}>;

/**
 * Completes divided deliveries whose ingestor died between two parts. Each is submitted again from its
 * stored bytes, like a repeat, and completed as it was begun. If another ingestor is recording the
 * same delivery, both complete it with one copy of each fact.
 *
 * @throws StreamUnavailable and other engine errors; completed deliveries stay completed
 */
export async function* finishDeliveries({
  stream,
  ingest,
  signal,
}: FinishDeliveriesOptions): AsyncGenerator<IncompleteDelivery> {
  for (const deliveryId of await incompleteDeliveries(stream)) {
    if (signal?.aborted) return;
    const received = (await stream.findByIds([deliveryId])).known.get(deliveryId)?.event;
    const delivery = received && (await storedDelivery(stream, received));
    if (!delivery) yield { deliveryId, outcome: "gone", error: null };
    else yield await complete(deliveryId, delivery, ingest);
  }
}

/** Reads only two rare event types, and keeps only the ids of incomplete deliveries. */
async function incompleteDeliveries(stream: EventStream): Promise<Iterable<string>> {
  const incomplete = new Set<string>();
  for await (const event of readAll(stream, ["DeliveryDivided", "DeliveryCompleted"])) {
    const { delivery_id } = readData(event) as DataOf<"DeliveryDivided">;
    if (event.type === "DeliveryDivided") incomplete.add(delivery_id);
    else incomplete.delete(delivery_id);
  }
  return incomplete;
}

async function complete(
  deliveryId: string,
  delivery: Delivery,
  ingest: Pick<Ingest, "submit">,
): Promise<IncompleteDelivery> {
  try {
    await ingest.submit(delivery);
    return { deliveryId, outcome: "completed", error: null };
  } catch (error) {
    if (isEngineError(error)) throw error;
    return { deliveryId, outcome: "failed", error };
  }
}

type SocketOrderOptions = ConcurrentWriter &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
    /** Reads large bodies with a limit of memory; here and without one if not given. */
    readLarge?: ReadLarge;
    signal: AbortSignal;
  }>;

const PAGE = 500;
const NO_CAUSE = { deliveryId: null, correlationId: "socket-order" };

/**
 * Records the socket order of feed frames, which version 1 of the program did not record. The order is
 * derived from the frames' stored bytes, as the feed client does now, and recorded by `FactSeen`
 * events. `SocketOrderRecorded` marks the end; a repeated run records nothing twice.
 *
 * @returns the number of runs that got an order; null if there was nothing to do
 */
export async function recordSocketOrder(options: SocketOrderOptions): Promise<number | null> {
  const { stream, hashing, signal } = options;
  const [first] = await stream.read({ after: 0, limit: 1, types: ["FeedOpened"] });
  if (first === undefined || (readData(first) as DataOf<"FeedOpened">).ordered) return null;
  const id = eventId(["SocketOrderRecorded"], hashing);
  if ((await stream.findByIds([id])).known.has(id)) return null;
  const sessions = createFeedSessions();
  const end = (await stream.head()).position;
  let recorded = 0;
  for (let after = 0; after < end && !signal.aborted; ) {
    const page = await stream.read({
      after,
      limit: PAGE,
      types: ["FeedOpened", "DeliveryReceived"],
    });
    if (page.length === 0) break;
    for (const event of page) recorded += await recordOrderOf(event, sessions, options);
    after = page.at(-1)?.position ?? end;
  }
  if (signal.aborted) return null;
  const data = { until: String(end) };
  const done = newEvent({ type: "SocketOrderRecorded", data }, { id, subject: "ledger" }, NO_CAUSE);
  await appendDecided(options, [id], (known) => (known.has(id) ? [] : [done]));
  return recorded;
}

async function recordOrderOf(
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
  const reading = await readFrame(event, options);
  if (reading === null) return 0;
  const stated = { place: { connection, frame }, facts: reading };
  const order = session.orderOf({ ...stated, receivedAt: timeOf(received_at) });
  if (order === null) return 0;
  const ordered = await readFrame(event, { ...options, order });
  const fact = ordered?.find(({ type }) => type === "BalanceReported");
  return fact ? recordFactSeen(fact, received_at, options) : 0;
}

/** The facts of a frame of a run; null if it cannot be read. A snapshot reports no runs. */
async function readFrame(
  event: RecordedEvent,
  options: SocketOrderOptions & Readonly<{ order?: SocketOrder }>,
): Promise<readonly ProviderFact[] | null> {
  const reading = await readStored(event, options.translations.present, options);
  if (reading === null) return null;
  const { summary, count, facts, close } = reading;
  const read = summary.ok && !summary.snapshot ? await facts(0, count) : [];
  close();
  return summary.ok ? read : null;
}

async function recordFactSeen(
  fact: ProviderFact,
  receivedAt: string,
  options: SocketOrderOptions,
): Promise<number> {
  const { hashing } = options;
  const id = providerEventId(fact, hashing);
  const events = await appendDecided(options, [id], (found) => {
    const known = knownFacts(found);
    const cause = { ...NO_CAUSE, receivedAt };
    // Only the order is recorded: everything else of a copy was decided when it arrived.
    return known.ids.has(id) ? decideFact(fact, known, cause, hashing).filter(isSeen) : [];
  });
  return events.length;
}

const isSeen = ({ type }: NewEvent): boolean => type === "FactSeen";
