import type { ErasureRecord } from "@counterfoil/contracts/audit";
import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { APPEND_EVENTS_MAX, providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf } from "@counterfoil/core/ingest/fact-state";
import { retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { bytesOf, readBytes } from "../ingest/delivery.ts";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import { eventFor, eventRecord, namesOthers, type Standing, type Standings } from "./events.ts";

type DeliveryRecord = Readonly<{
  delivery_id: string;
  received: EventRecord;
  facts: EventRecord[];
  erased: ErasureRecord | null;
}>;

export type FindOptions = Readonly<{ translations: Translations; hashing: Hashing }>;

/** `standings`: the platform's view of deliveries; null shows all of them. */
export type DeliveryQuery = FindOptions & Readonly<{ standings: Standings | null }>;

/**
 * A delivery with all events that it caused, whenever they were recorded; null if it is not on the
 * stream or not visible.
 */
export async function findDelivery(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<DeliveryRecord | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const { standings } = query;
  const read = await readDelivery(stream, received, query);
  const { caused } = read;
  const record = { delivery_id: id, received: eventRecord(received) };
  if (standings === null) {
    const erased = await erasureOf(stream, received, query);
    return { ...record, facts: caused.map(eventRecord), erased };
  }
  const { platform } = standings;
  const stand = await standings.ofEvents(stream, caused);
  const whole = await wholeStanding(standings, read, stand);
  if (whole === "outside") return null;
  const own = caused.filter((_, at) => stand[at] === "inside").map(eventRecord);
  return {
    ...record,
    received: receivedFor(record.received, platform, whole),
    facts: own.map((event) => eventFor(event, platform)),
    // An operator's note may mention other platforms.
    erased: null,
  };
}

/** How much of a delivery is visible to the platform; everything if no platform is given. */
export async function partOfDelivery(
  stream: EventStream,
  received: RecordedEvent,
  query: DeliveryQuery,
): Promise<Whole> {
  const { standings } = query;
  if (standings === null) return "inside";
  const read = await readDelivery(stream, received, query);
  return wholeStanding(standings, read, await standings.ofEvents(stream, read.caused));
}

async function erasureOf(
  stream: EventStream,
  received: RecordedEvent,
  { hashing }: FindOptions,
): Promise<ErasureRecord | null> {
  const { sha256 } = readData(received) as DataOf<"DeliveryReceived">;
  return (await findErasures(stream, [sha256], hashing)).get(sha256) ?? null;
}

type DeliveryFacts = Readonly<{
  /** The events that the delivery caused, in order. */
  caused: readonly RecordedEvent[];
  /** The facts in its bytes, by every translation that can read them. */
  facts: readonly ProviderFact[];
  /** Whether the present translation reads them. */
  isRead: boolean;
}>;

/** `part`: some of the delivery is the platform's, and some is not. */
export type Whole = "inside" | "part" | "outside";

async function wholeStanding(
  standings: Standings,
  { facts, isRead }: DeliveryFacts,
  ofCaused: readonly Standing[],
): Promise<Whole> {
  const all = new Set(ofCaused);
  for (const fact of facts) {
    all.add(await standings.of(fact));
    if (namesOthers(fact.data, standings.platform)) all.add("outside");
  }
  if (!all.has("inside")) return "outside";
  return isRead && !all.has("outside") ? "inside" : "part";
}

/** If the bytes hold others' facts, their digest and length would reveal something about these. */
function receivedFor(received: EventRecord, platform: string, whole: Whole): EventRecord {
  const shown = eventFor(received, platform);
  if (whole === "inside") return shown;
  const { sha256: _, length: _length, parts: _parts, ...data } = shown.data;
  return { ...shown, data };
}

async function readDelivery(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): Promise<DeliveryFacts> {
  const { id } = received;
  const caused = new Map<number, RecordedEvent>();
  const note = (event: RecordedEvent) => {
    if (event.causation_id === id) caused.set(event.position, event);
  };
  for await (const event of eventsNear(stream, received, options)) note(event);
  const ids = new Set([...caused.values()].map(factIdOf));
  const { facts, isRead } = await readFacts(stream, received, options);
  for (const fact of facts) ids.add(providerEventId(fact, options.hashing));
  for (const { event, amendments } of (await stream.findByIds([...ids])).known.values()) {
    for (const each of [event, ...amendments]) note(each);
  }
  caused.delete(received.position);
  const inOrder = [...caused.values()].sort((a, b) => a.position - b.position);
  return { caused: inOrder, facts, isRead };
}

/** All facts that any translation finds in the bytes; none if the bytes are gone. */
async function readFacts(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): Promise<Pick<DeliveryFacts, "facts" | "isRead">> {
  const facts: ProviderFact[] = [];
  let isRead = false;
  const bytes = await bytesOf(received, stream);
  if (bytes === null) return { facts, isRead };
  for (const version of Object.keys(options.translations.versions)) {
    const reading = readBytes(received, bytes, Number(version), options);
    if (!reading.ok) continue;
    facts.push(...reading.facts);
    isRead ||= Number(version) === options.translations.present;
  }
  return { facts, isRead };
}

/**
 * The exact bytes of a delivery, null if they are gone. A platform sees them only if every fact in
 * them is its own and names nobody else.
 */
export async function findBody(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<Readonly<{ sha256: string } & (Stored | Gone)> | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  if ((await partOfDelivery(stream, received, query)) !== "inside") return null;
  const { sha256 } = readData(received) as DataOf<"DeliveryReceived">;
  const erased = await erasureOf(stream, received, query);
  // A body recorded as erased is not shown, even if its bytes are still to be removed.
  const bytes = erased === null ? await stream.body(sha256) : null;
  return bytes === null ? { sha256, bytes, erased } : { sha256, bytes };
}

type Stored = { bytes: Uint8Array };
/** Bytes that are missing without a recorded erasure are reported by `verify`. */
type Gone = { bytes: null; erased: ErasureRecord | null };

/** A delivery's id is that of its first event. */
async function findReceived(stream: EventStream, id: string): Promise<RecordedEvent | null> {
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  return event?.type === "DeliveryReceived" ? event : null;
}

/**
 * The events near a delivery, among them those that it caused. No index leads from a delivery to
 * its facts. They follow `DeliveryReceived`, up to `DeliveryCompleted` if it was divided, and lie
 * next to each retry of a quarantined delivery. Facts elsewhere (parts far apart, facts recorded by
 * a later translation) are found by the identities of the facts in its bytes.
 */
async function* eventsNear(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): AsyncGenerator<RecordedEvent> {
  const { parts = 1 } = readData(received) as DataOf<"DeliveryReceived">;
  let wasQuarantined = false;
  for await (const event of causedAfter(stream, received, parts > 1)) {
    wasQuarantined ||= event.type === "DeliveryQuarantined";
    yield event;
  }
  if (!wasQuarantined) return;
  const { known } = await stream.findByIds(
    retryIdsOf(received.id, options.translations.present, options.hashing),
  );
  for (const { event: retry } of known.values()) {
    const after = Math.max(received.position, retry.position - APPEND_EVENTS_MAX);
    yield* between(stream, after, retry.position);
    yield* causedAfter(stream, { id: received.id, position: retry.position }, false);
  }
}

async function* between(
  stream: EventStream,
  after: number,
  upTo: number,
): AsyncGenerator<RecordedEvent> {
  for (let last = after; last < upTo; ) {
    const events = await stream.read({ after: last, limit: upTo - last });
    yield* events;
    last = events.at(-1)?.position ?? upTo;
  }
}

/** Most deliveries cause a few events: those of a long one are read in longer pages. */
const PAGE_FIRST = 8;
const PAGE_MAX = 200;
/** Positions searched for the parts of a divided delivery, which other deliveries may separate. */
const SEARCHED_MAX = 100_000;

async function* causedAfter(
  stream: EventStream,
  { id, position }: Pick<RecordedEvent, "id" | "position">,
  isDivided: boolean,
): AsyncGenerator<RecordedEvent> {
  let limit = PAGE_FIRST;
  for (let after = position; after < position + SEARCHED_MAX; ) {
    const events = await stream.read({ after, limit });
    for (const event of events) {
      const isCaused = event.causation_id === id;
      if (isCaused) yield event;
      const isEnd = isDivided ? isCaused && event.type === "DeliveryCompleted" : !isCaused;
      if (isEnd) return;
    }
    const last = events.at(-1);
    if (last === undefined || isLastPage(events, limit)) return;
    after = last.position;
    limit = Math.min(4 * limit, PAGE_MAX);
  }
}

/** The recorded erasures of these bodies, by digest. */
export async function findErasures(
  stream: Pick<EventStream, "findByIds">,
  digests: readonly string[],
  hashing: Hashing,
): Promise<ReadonlyMap<string, ErasureRecord>> {
  const ids = new Map(digests.map((sha256) => [bodyErasedId(sha256, hashing), sha256]));
  if (ids.size === 0) return new Map();
  const { known } = await stream.findByIds([...ids.keys()]);
  return new Map(
    [...known.values()].map(({ event }) => [ids.get(event.id) ?? "", erasureRecord(event)]),
  );
}

function erasureRecord(event: RecordedEvent): ErasureRecord {
  const { actor, note } = readData(event) as DataOf<"BodyErased">;
  const { id: event_id, position, recorded_at } = event;
  return {
    event_id,
    position: String(position),
    erased_at: formatTime(recorded_at),
    actor,
    note,
  };
}
